//! Content that is wrong is told with its file and key, and never plays.

use cosmic_explorer::game::content::{Content, built_in};

/// The faults after one text in one file was replaced.
fn faults(file: &str, from: &str, to: &str) -> Vec<String> {
    let mut files = built_in();
    let text = files.get_mut(file).expect("a file");
    assert!(text.contains(from), "{from} is in {file}");
    *text = text.replacen(from, to, 1);
    let faults = Content::parse(&files).err().unwrap_or_default();
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn every_fault_names_file_and_key() {
    let cases = [
        ("ships.toml", "cost = 400", "cost = -400", "ships.toml: scout.cost: "),
        ("ships.toml", "max_hp = 80", "max_hp = 0", "ships.toml: scout.max_hp: "),
        ("ships.toml", "speed = 1.2", "speed = nan", "ships.toml: scout.speed: must be 0.05 to 10"),
        ("ships.toml", "speed = 1.2", "speed = inf", "ships.toml: scout.speed: must be 0.05 to 10"),
        ("ships.toml", "speed = 1.2", "warp = 9.0", "ships.toml: scout.warp: line 11: unknown field `warp`"),
        ("ships.toml", "cost = 400", "cost = \"cheap\"", "ships.toml: scout.cost: line 7: invalid type"),
        ("ships.toml", "[trader]", "[scout]", "ships.toml: : line 14: duplicate key"),
        (
            "mods.toml",
            "combat_power = 10 }",
            "combat_power = 1e9 }",
            "mods.toml: laser_cannon.effects.combat_power: line 9: ",
        ),
        (
            "mods.toml",
            "slot = \"high\"",
            "slot = \"top\"",
            "mods.toml: laser_cannon.slot: line 7: unknown variant `top`",
        ),
        (
            "items.toml",
            "effect = { ship_condition = 20 }",
            "",
            "items.toml: repair_nanobots: a consumable has an effect",
        ),
        (
            "enemies.toml",
            "item = \"scrap_metal\"",
            "item = \"scrap\"",
            "enemies.toml: pirate_scout.loot[0].item: \"scrap\" is not defined",
        ),
        ("enemies.toml", "quantity = [2, 5]", "quantity = [5, 2]", "enemies.toml: pirate_scout.loot[0].quantity: "),
        ("enemies.toml", "chance = 0.6", "chance = 1.6", "enemies.toml: pirate_scout.loot[0].chance: must be 0 to 1"),
        (
            "pod.toml",
            "rescue_ship = \"scout\"",
            "rescue_ship = \"raft\"",
            "pod.toml: pod.rescue_ship: \"raft\" is not defined",
        ),
        (
            "regions.toml",
            "enemy = \"pirate_scout\"",
            "enemy = \"ghost\"",
            "regions.toml: core_worlds.enemies[0].enemy: ",
        ),
        ("regions.toml", "#4169E1", "blue", "regions.toml: core_worlds.background.primary_color: must be #RRGGBB"),
        ("names.toml", "\"Corrin\"", "\"Aldmere\"", "names.toml: firsts: core_worlds: \"Aldmere\" stands twice"),
        ("names.toml", "wormhole = ", "blackhole = ", "names.toml: lasts.wormhole: needs at least one word"),
        ("events.toml", "needs = { credits = 60 }", "needs = { wishes = 1 }", "events.toml: toll_bar.choices[0].needs"),
        ("events.toml", "id = \"run\"", "id = \"pay\"", "events.toml: toll_bar.choices: two have the same id"),
        ("quests.toml", "weight = [10, 25]", "", "quests.toml: quests.seed_vault.weight: a delivery has one"),
        ("quests.toml", "[kinds.bounty]", "[kinds.murder]", "quests.toml: kinds.murder: line "),
        (
            "balance.toml",
            "node = \"station\"",
            "node = \"derelict\"",
            "balance.toml: start.node: is not among the places",
        ),
        ("balance.toml", "[difficulty.hard]", "[difficulty.brutal]", "balance.toml: difficulty.brutal: line "),
        ("combat.toml", "needs_targeting = true", "needs_luck = true", "combat.toml: precise_shot.needs_luck: line "),
    ];
    for (file, from, to, expected) in cases {
        let faults = faults(file, from, to);
        assert!(faults.iter().any(|fault| fault.starts_with(expected)), "expected {expected:?} in {faults:#?}");
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let mut files = built_in();
    let ships = files.get_mut("ships.toml").expect("a file");
    *ships = ships.replace("cost = 400", "cost = 0").replace("max_hp = 150", "max_hp = -1");
    files.remove("mods.toml");
    files.insert("weather.toml".into(), String::new());
    let faults: Vec<_> = Content::parse(&files).expect_err("faults").iter().map(ToString::to_string).collect();
    assert_eq!(faults.len(), 4, "{faults:#?}");
}

#[test]
fn the_built_in_content_is_the_data_folder() {
    let folder = cosmic_explorer::store::read_content("data".as_ref()).expect("the folder");
    assert_eq!(folder, built_in());
}

/// The facts that the numbers came from; what differs on purpose is in the prototype's list of balance figures.
#[test]
fn names_and_ids_are_those_that_clients_speak() {
    let content = &*crate::play::CONTENT;
    insta::assert_snapshot!(
        [
            content.ships.indices().map(|ix| content.ships.id(ix)).collect::<Vec<_>>().join(" "),
            content.mods.indices().map(|ix| content.mods.id(ix)).collect::<Vec<_>>().join(" "),
            content.items.indices().map(|ix| content.items.id(ix)).collect::<Vec<_>>().join(" "),
            content.enemies.indices().map(|ix| content.enemies.id(ix)).collect::<Vec<_>>().join(" "),
            content.moves.indices().map(|ix| content.moves.id(ix)).collect::<Vec<_>>().join(" "),
            content.augmentations.indices().map(|ix| content.augmentations.id(ix)).collect::<Vec<_>>().join(" "),
            content.regions.indices().map(|ix| content.regions.id(ix)).collect::<Vec<_>>().join(" "),
            content.nodes.indices().map(|ix| content.nodes.id(ix)).collect::<Vec<_>>().join(" "),
        ]
        .join("\n")
    );
}
