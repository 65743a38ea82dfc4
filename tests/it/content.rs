//! Content that is wrong is told with its file and key, and never plays.

use cosmic_explorer::game::content::{Content, built_in};

/// The faults after one text in one file was replaced, without lines: those change with every edit of the content.
fn faults(file: &str, from: &str, to: &str) -> Vec<String> {
    let mut files = built_in();
    let text = files.get_mut(file).expect("a file");
    assert!(text.contains(from), "{from} is in {file}");
    *text = text.replacen(from, to, 1);
    let faults = Content::parse(&files).err().unwrap_or_default();
    faults.iter().map(|fault| format!("{}: {}: {}", fault.file, fault.key, fault.problem)).collect()
}

#[test]
fn every_fault_names_file_and_key() {
    let cases = [
        (
            "ships.toml",
            "cost = 400",
            "cost = -400",
            "ships.toml: scout.cost: is -400; must be a whole number from 1 to 1000000",
        ),
        ("ships.toml", "max_hp = 80", "max_hp = 0", "ships.toml: scout.max_hp: is 0; must be"),
        (
            "ships.toml",
            "speed = 1.2",
            "speed = nan",
            "ships.toml: scout.speed: is nan; must be a number from 0.05 to 10",
        ),
        ("ships.toml", "speed = 1.2", "speed = inf", "ships.toml: scout.speed: is inf; must be"),
        (
            "ships.toml",
            "speed = 1.2",
            "warp = 9.0",
            "ships.toml: scout.warp: is no key of this table; there are cargo_capacity, cost",
        ),
        ("ships.toml", "cost = 400", "cost = \"cheap\"", "ships.toml: scout.cost: is a string; must be a whole number"),
        ("ships.toml", "[trader]", "[scout]", "ships.toml: : duplicate key"),
        (
            "mods.toml",
            "combat_power = 10 }",
            "combat_power = 1e9 }",
            "mods.toml: laser_cannon.effects.combat_power: is a float; must be a whole number",
        ),
        (
            "mods.toml",
            "slot = \"high\"",
            "slot = \"top\"",
            "mods.toml: laser_cannon.slot: \"top\" is not known; there are high, mid, low, rig",
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
            "enemies.toml: pirate_scout.loot[0].item: \"scrap\" is not defined in items.toml; did you mean \"scrap_metal\"?",
        ),
        (
            "enemies.toml",
            "quantity = [2, 5]",
            "quantity = [5, 2]",
            "enemies.toml: pirate_scout.loot[0].quantity: must be [least, most]",
        ),
        (
            "enemies.toml",
            "chance = 0.6",
            "chance = 1.6",
            "enemies.toml: pirate_scout.loot[0].chance: is 1.6; must be a number from 0 to 1",
        ),
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
        (
            "events.toml",
            "needs = { credits = 60 }",
            "needs = { wishes = 1 }",
            "events.toml: toll_bar.choices[0].needs.wishes: is no key",
        ),
        ("events.toml", "id = \"run\"", "id = \"pay\"", "events.toml: toll_bar.choices: two have the same id"),
        ("quests.toml", "weight = [10, 25]", "", "quests.toml: quests.seed_vault.weight: a delivery has one"),
        ("quests.toml", "[kinds.bounty]", "[kinds.murder]", "quests.toml: kinds.murder: is no key"),
        (
            "balance.toml",
            "node = \"station\"",
            "node = \"derelict\"",
            "balance.toml: start.node: is not among the places",
        ),
        ("balance.toml", "[difficulty.hard]", "[difficulty.brutal]", "balance.toml: difficulty.brutal: is no key"),
        (
            "combat.toml",
            "needs_targeting = true",
            "needs_luck = true",
            "combat.toml: precise_shot.needs_luck: is no key",
        ),
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
    let folder = cosmic_explorer::files::read_content("data".as_ref()).expect("the folder");
    assert_eq!(folder, (built_in(), Vec::new()));
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
