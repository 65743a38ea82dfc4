//! The faults of the original: each has a test that bears its name. Those of sessions (the limit, restart and eviction, reading,
//! ids, one bad save) stand in `lifecycle.rs` and `rubbish.rs`; those of save slots and loading in `slots.rs`.

use cosmic_explorer::game::content::Difficulty;
use cosmic_explorer::game::offers::Offers;
use cosmic_explorer::game::rules::apply;
use cosmic_explorer::game::state::{CombatState, End, Game, PodState, Stack};
use cosmic_explorer::game::stats::Stats;
use serde_json::json;

use crate::play::{CONTENT, act, action, game, refusal};
use crate::server::start;

fn fight(enemy: &str) -> Game {
    let mut game = game(1);
    let enemy = CONTENT.enemies.find(enemy).expect("an enemy");
    game.combat = Some(CombatState { enemy, hp: CONTENT.enemies[enemy].hp, round: 0, quarry: false });
    game
}

fn fitted(mods: &[&str]) -> Game {
    let mut game = game(1);
    game.mods = mods.iter().map(|id| CONTENT.mods.find(id).expect("a module")).collect();
    game
}

fn carry(game: &mut Game, item: &str, quantity: i64) {
    let item = CONTENT.items.find(item).expect("an item");
    game.cargo.push(Stack { item, quantity });
    game.cargo.sort_by_key(|stack| stack.item);
}

/// Somewhere without any dock.
fn in_the_wild(game: &mut Game) {
    game.here = game.map.nodes.iter().position(|node| !node.dock()).expect("a wild place");
}

#[test]
fn combat_is_not_shared_between_players() {
    let mut mine = fight("pirate_scout");
    let yours = fight("pirate_scout");
    act(&mut mine, r#"{"type":"combat","move":"attack"}"#);
    assert_eq!(yours.combat.expect("a fight").round, 0);
}

#[test]
fn one_players_lock_does_not_stall_another_and_neither_does_a_slow_body() {
    use std::io::Write;
    let (_folder, server) = start();
    let client = server.player(1);
    let address = client.url.strip_prefix("http://").expect("a URL");
    let mut slow: Vec<_> = (0..50).map(|_| crate::patience::connect(address)).collect();
    for stream in &mut slow {
        let head = "POST /api/sessions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
        stream.write_all(head.as_bytes()).expect("half a request");
    }
    client.act(&json!({"type": "wait"}));
    server.player(2).act(&json!({"type": "wait"}));
}

#[test]
fn selling_minus_a_thousand_does_not_buy() {
    assert!(
        serde_json::from_str::<cosmic_explorer::game::action::Action>(
            r#"{"type":"sell_item","item":"scrap_metal","quantity":-1000}"#
        )
        .is_err()
    );
    assert_eq!(refusal(&game(1), r#"{"type":"sell_item","item":"scrap_metal","quantity":1000}"#), "ITEM_NOT_HELD");
}

#[test]
fn negative_fractional_nan_and_huge_quantities_are_refused() {
    let (_folder, server) = start();
    let client = server.player(1);
    for quantity in
        ["-1", "-0", "0", "0.5", "-1.0", "1e-3", "NaN", "-Infinity", "1e10", "1e400", "99999999999999999999"]
    {
        for kind in ["sell_item", "buy_item"] {
            let body = format!(r#"{{"type":"{kind}","item":"scrap_metal","quantity":{quantity}}}"#);
            let reply = client.post_text(&client.path("/actions"), body.as_bytes());
            assert!(matches!(reply.status, 400 | 422), "{body}: {}", reply.text);
            assert!(!reply.code().is_empty());
        }
    }
    assert_eq!(client.look()["revision"], 0);
}

#[test]
fn a_business_refusal_is_not_a_success() {
    let (_folder, server) = start();
    let client = server.player(1);
    let reply = client.try_act(&json!({"type": "buy_ship", "ship": "explorer"}));
    assert_eq!((reply.status, reply.code().as_str()), (409, "NOT_ENOUGH_CREDITS"));
}

#[test]
fn unknown_ids_and_bodies_that_are_no_objects_are_not_server_errors() {
    let (_folder, server) = start();
    let client = server.player(1);
    assert_eq!(client.try_act(&json!({"type": "use_item", "item": "nothing"})).status, 409);
    assert_eq!(client.post("/api/sessions", &json!(null)).status, 422);
    assert_eq!(client.post(&client.path("/actions"), &json!([1])).status, 422);
}

#[test]
fn errors_are_never_pages_of_html() {
    let (_folder, server) = start();
    let client = server.player(1);
    for (method, path, body) in [
        ("POST", "/api/sessions", Some(&b"{"[..])),
        ("PUT", "/api/sessions", None),
        ("GET", "/nope", None),
        ("DELETE", "/", None),
    ] {
        let reply = client.send(method, path, &[("content-type", "application/json")], body);
        assert!(!reply.code().is_empty(), "{method} {path}");
    }
}

#[test]
fn state_is_never_taken_from_the_client() {
    let (_folder, server) = start();
    let client = server.player(1);
    let reply = client.post("/api/sessions", &json!({"saved_state": {"player_stats": {"wealth": 99999}}}));
    assert_eq!(reply.code(), "UNKNOWN_FIELD");
    assert_eq!(client.try_act(&json!({"type": "refuel", "amount": 1, "price": 0})).code(), "UNKNOWN_FIELD");
}

#[test]
fn two_augmentations_do_not_crash_the_game() {
    let mut game = game(1);
    game.wealth = 5000;
    act(&mut game, r#"{"type":"buy_pod"}"#);
    assert_eq!(refusal(&game, r#"{"type":"buy_augmentation","augmentation":"shield_boost"}"#), "POD_TOO_NEW");
    act(&mut game, r#"{"type":"wait"}"#);
    for augmentation in ["shield_boost", "scanner_array", "cargo_module", "emergency_thrusters"] {
        act(&mut game, &format!(r#"{{"type":"buy_augmentation","augmentation":"{augmentation}"}}"#));
    }
    let stats = Stats::of(&game, &CONTENT);
    assert_eq!((stats.max_hp, stats.scan_bonus), (100, 2.0));
    assert_eq!(
        refusal(&game, r#"{"type":"buy_augmentation","augmentation":"armor_plating"}"#),
        "AUGMENTATION_SLOT_TAKEN"
    );
}

#[test]
fn no_ship_costs_the_victory_sum() {
    for difficulty in Difficulty::ALL {
        let goal = CONTENT.balance.difficulty.of(difficulty).goal;
        assert!(CONTENT.ships.iter().all(|(_, ship)| ship.cost < goal / 2));
    }
}

#[test]
fn the_hull_starts_whole_and_repair_never_lowers_it() {
    let mut game = game(1);
    let max = Stats::of(&game, &CONTENT).max_hp;
    assert_eq!((game.hull, max), (80, 80));
    assert_eq!(refusal(&game, r#"{"type":"repair"}"#), "HULL_FULL");
    game.hull = 30;
    act(&mut game, r#"{"type":"repair"}"#);
    assert_eq!((game.hull, game.wealth), (80, 400));
}

#[test]
fn a_refused_move_costs_no_turn() {
    let mut game = game(1);
    game.fuel = 1;
    let near = game.map.node_id(game.map.ways(game.here).next().expect("a way"));
    assert_eq!(refusal(&game, &format!(r#"{{"type":"navigate","node":"{near}"}}"#)), "NOT_ENOUGH_FUEL");
    assert_eq!(refusal(&game, r#"{"type":"navigate","node":"NODE_REG_000_900"}"#), "UNKNOWN_NODE");
    let here = game.map.node_id(game.here);
    assert_eq!(refusal(&game, &format!(r#"{{"type":"navigate","node":"{here}"}}"#)), "NOT_CONNECTED");
}

#[test]
fn a_new_game_starts_docked_at_both_docks() {
    for seed in 0..50 {
        let game = game(seed);
        assert!(game.node().repair && game.node().trade && game.places[game.here].visited);
    }
}

#[test]
fn fuel_is_for_sale_and_an_empty_tank_at_a_dock_does_not_lose() {
    let mut game = game(1);
    game.fuel = 0;
    act(&mut game, r#"{"type":"wait"}"#);
    assert_eq!(game.end, None);
    let outcome = act(&mut game, r#"{"type":"refuel","amount":50}"#);
    assert_eq!((game.fuel, outcome.cost.credits), (50, 50));
}

#[test]
fn without_fuel_money_or_dock_the_game_is_over() {
    let mut game = game(1);
    in_the_wild(&mut game);
    game.fuel = 3;
    let mut saved = game.clone();
    act(&mut game, r#"{"type":"wait"}"#);
    assert_eq!(game.end, Some(End::Stranded));
    carry(&mut saved, "fuel_cells", 1);
    act(&mut saved, r#"{"type":"wait"}"#);
    assert_eq!(saved.end, None, "a fuel cell is a way out");
}

#[test]
fn fleeing_costs_fuel_that_is_there() {
    let mut game = fight("pirate_scout");
    game.fuel = 9;
    assert_eq!(refusal(&game, r#"{"type":"flee"}"#), "NOT_ENOUGH_FUEL");
    game.fuel = 10;
    act(&mut game, r#"{"type":"flee"}"#);
    assert_eq!(game.fuel, 0);
}

#[test]
fn no_navigation_in_a_fight() {
    let game = fight("pirate_scout");
    let near = game.map.node_id(game.map.ways(game.here).next().expect("a way"));
    for json in [
        format!(r#"{{"type":"navigate","node":"{near}"}}"#),
        r#"{"type":"wait"}"#.into(),
        r#"{"type":"repair"}"#.into(),
    ] {
        assert_eq!(refusal(&game, &json), "IN_COMBAT");
    }
}

#[test]
fn an_enemy_that_flees_is_no_kill() {
    let mut fled = 0;
    for seed in 0..200 {
        let mut game = fight("pirate_scout");
        game.dice.seed = seed;
        game.combat.as_mut().expect("a fight").hp = 9;
        let wealth = game.wealth;
        let outcome = act(&mut game, r#"{"type":"combat","move":"attack"}"#);
        let has = |kind: &str| serde_json::to_string(&outcome.events).expect("json").contains(kind);
        if has("enemy_fled") {
            fled += 1;
            assert_eq!((game.statistics.ships_destroyed, game.wealth, game.wreck), (0, wealth, false));
            assert!(game.combat.is_none() && game.cargo.is_empty());
        }
    }
    assert!(fled > 20, "it happens: {fled}");
}

#[test]
fn a_failed_negotiation_costs_the_round() {
    let mut failed = 0;
    for seed in 0..100 {
        let mut game = fight("pirate_raider");
        game.dice.seed = seed;
        let wealth = game.wealth;
        act(&mut game, r#"{"type":"negotiate"}"#);
        if let Some(fight) = game.combat {
            failed += 1;
            assert_eq!((fight.round, game.wealth), (1, wealth));
        }
    }
    assert!(failed > 20);
    assert_eq!(refusal(&fight("alien_drone"), r#"{"type":"negotiate"}"#), "CANNOT_NEGOTIATE");
    let mut poor = fight("pirate_raider");
    poor.wealth = 0;
    assert_eq!(refusal(&poor, r#"{"type":"negotiate"}"#), "NOT_ENOUGH_CREDITS");
}

#[test]
fn an_unarmed_ship_can_win_a_fight() {
    let wins = (0..100).filter(|seed| {
        let mut game = fight("pirate_scout");
        game.dice.seed = *seed;
        while game.combat.is_some() && game.end.is_none() {
            act(&mut game, r#"{"type":"combat","move":"attack"}"#);
        }
        game.statistics.ships_destroyed == 1
    });
    assert!(wins.count() > 30);
}

#[test]
fn the_scanner_module_has_its_effect() {
    let odds = |game: &Game| {
        let offers = Offers::of(game, &CONTENT).offered;
        offers.into_iter().find(|(each, _)| *each == action(r#"{"type":"scan"}"#)).expect("a scan").1.odds
    };
    assert_eq!(odds(&game(1)), Some(0.3));
    assert_eq!(odds(&fitted(&["scanner_upgrade"])), Some(0.5));
}

#[test]
fn a_shield_charge_has_its_effect() {
    let mut game = fight("space_kraken");
    carry(&mut game, "shield_booster_charge", 2);
    act(&mut game, r#"{"type":"use_item","item":"shield_booster_charge"}"#);
    assert_eq!(game.hull, 80, "the buffer takes the answer");
    assert_eq!(game.combat.expect("a fight").round, 1, "it was a round");
    assert_eq!(game.effects[0].duration, 4, "counted in rounds");
    assert_eq!(game.turn, 0);
    if game.effects[0].shield > 0 {
        assert_eq!(refusal(&game, r#"{"type":"use_item","item":"shield_booster_charge"}"#), "ITEM_USELESS");
    }
}

#[test]
fn salvage_never_stops_at_an_item_that_does_not_exist() {
    let mut found = std::collections::BTreeSet::new();
    for seed in 0..500 {
        let mut game = fitted(&["salvager"]);
        game.dice.seed = seed;
        game.wreck = true;
        act(&mut game, r#"{"type":"salvage"}"#);
        assert_eq!(refusal(&game, r#"{"type":"salvage"}"#), "NOTHING_TO_SALVAGE");
        found.extend(game.cargo.iter().map(|stack| CONTENT.items.id(stack.item)));
    }
    assert_eq!(found.len(), CONTENT.balance.salvage.finds.len());
}

#[test]
fn price_rules_for_places_that_do_not_exist_do_not_load() {
    let mut files = cosmic_explorer::game::content::built_in();
    let regions = files.get_mut("regions.toml").expect("a file");
    *regions = regions.replacen("\"asteroid_field\"", "\"black_market\"", 1);
    let faults = cosmic_explorer::game::content::Content::parse(&files).expect_err("a fault");
    assert_eq!(faults[0].key, "frontier.node_types[1]");
    assert_eq!(faults[0].problem, "\"black_market\" is not defined in nodes.toml");
}

#[test]
fn the_quoted_fuel_is_the_charged_fuel() {
    for mods in [vec![], vec!["fuel_optimizer"], vec!["fuel_optimizer", "speed_rig"]] {
        let game = fitted(&mods);
        for (each, plan) in Offers::of(&game, &CONTENT).offered {
            let (next, outcome) = apply(&game, &CONTENT, &each).expect("offered");
            assert_eq!(outcome.cost, plan.cost);
            if plan.cost.fuel > 0 {
                assert!(next.fuel <= game.fuel - plan.cost.fuel);
            }
        }
    }
}

#[test]
fn repeating_one_free_action_does_not_win() {
    let mut game = game(1);
    game.wealth = 2000;
    let mut accepted = 0;
    while apply(&game, &CONTENT, &action(r#"{"type":"buy_food","amount":1}"#)).is_ok() {
        act(&mut game, r#"{"type":"buy_food","amount":1}"#);
        accepted += 1;
    }
    assert_eq!((accepted, game.end), (100, None));
    assert_eq!(refusal(&game, r#"{"type":"buy_food","amount":1}"#), "TURN_NEEDED");
    act(&mut game, r#"{"type":"wait"}"#);
    act(&mut game, r#"{"type":"buy_food","amount":1}"#);
}

#[test]
fn a_reply_has_neither_the_map_nor_the_catalogue() {
    let (_folder, server) = start();
    let reply = server.player(1).try_act(&json!({"type": "wait"}));
    assert!(reply.text.len() < 5000, "{}", reply.text.len());
    assert!(!reply.text.contains("description"));
}

#[test]
fn a_list_shows_the_real_wealth() {
    let (_folder, server) = start();
    let client = server.player(1);
    client.act(&json!({"type": "buy_food", "amount": 5}));
    assert_eq!(client.get("/api/sessions").json()["sessions"][0]["wealth"], 480);
}

#[test]
fn the_pod_saves_its_captain_and_ends_with_a_ship() {
    let mut game = fight("rogue_ai_ship");
    game.pod = Some(PodState { hp: 30, augmentations: Vec::new(), fresh: false, ejected: false });
    game.fuel = 12;
    game.hull = 1;
    carry(&mut game, "data_cores", 5);
    while game.combat.is_some() {
        act(&mut game, r#"{"type":"combat","move":"attack"}"#);
        game.hull = game.hull.min(1);
    }
    assert!(game.in_pod() && game.cargo.is_empty() && game.mods.is_empty());
    assert_eq!((game.wealth, game.fuel, game.statistics.pod_uses), (500, 40, 1));
    assert_eq!(refusal(&game, r#"{"type":"repair"}"#), "IN_POD");
    game.wealth = 120;
    let outcome = act(&mut game, r#"{"type":"buy_ship","ship":"scout"}"#);
    assert_eq!((outcome.cost.credits, game.wealth, game.hull), (120, 0, 80), "a scout for all that is left");
    assert!(game.pod.is_none());
}
