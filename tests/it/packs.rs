//! Content packs: what lies over what, what is wrong with one, and that games go on with the content they began with.

use std::collections::BTreeMap;
use std::path::Path;

use cosmic_explorer::files::read_content;
use cosmic_explorer::game::content::{Content, Difficulty, Fault, Files, built_in, bundle, schemas};
use cosmic_explorer::game::offers::Offers;
use cosmic_explorer::game::rng::{Dice, Stream};
use cosmic_explorer::game::rules::{apply, begin};
use cosmic_explorer::model::{Map, State, restore};
use serde_json::{Value, json};

use crate::binary::{program, start};
use crate::commands::{cosmic, text};
use crate::server::Client;

fn files(texts: &[(&str, &str)]) -> Files {
    bundle(texts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect())
}

const OVERLAY: (&str, &str) = ("pack.toml", "name = \"Test\"\nmode = \"overlay\"\n");

fn good(texts: &[(&str, &str)]) -> Content {
    Content::parse(&files(texts)).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

fn faults(texts: &[(&str, &str)]) -> Vec<Fault> {
    Content::parse(&files(texts)).expect_err("faults")
}

fn told(faults: &[Fault]) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}

fn write(folder: &Path, texts: &[(&str, &str)]) {
    std::fs::create_dir_all(folder).expect("a folder");
    for (name, text) in texts {
        std::fs::write(folder.join(name), text).expect("a file");
    }
}

/// The pack that `docs/content-packs.md` explains, as its files.
fn documented() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string("docs/content-packs.md").expect("the document");
    let parts = text.split("`paper-boats/").skip(1).filter_map(|part| {
        let (name, rest) = part.split_once("`:\n\n```toml\n")?;
        Some((name.to_owned(), rest.split_once("```").expect("an end").0.to_owned()))
    });
    parts.collect()
}

#[test]
fn an_overlay_changes_single_keys_adds_and_takes_out() {
    let pack = "name = \"Test\"\nmode = \"overlay\"\nremove = [\"events.customs\", \"ships.trader.slots\"]\n";
    let ships = "[scout]\ncost = 7\n[trader.slots]\nhigh = 9\nmid = 0\nlow = 0\nrig = 0\n[raft]\nname = \"Raft\"\n\
                 description = \"Logs.\"\ncost = 1\nmax_hp = 5\ncargo_capacity = 3\nfuel_efficiency = 1\nspeed = 0.1\n\
                 slots = { high = 0, mid = 0, low = 0, rig = 0 }\n";
    let enemies = "[pirate_scout]\nloot = []\n";
    let content = good(&[("pack.toml", pack), ("ships.toml", ships), ("enemies.toml", enemies)]);
    let plain = &*crate::play::CONTENT;
    let ship = |content: &Content, id: &str| {
        serde_json::to_value(&content.ships[content.ships.find(id).expect("a ship")]).expect("JSON")
    };
    let (before, after) = (ship(plain, "scout"), ship(&content, "scout"));
    assert_eq!((&after["cost"], &after["name"], &after["slots"]), (&json!(7), &before["name"], &before["slots"]));
    assert_eq!(ship(&content, "trader")["slots"], json!({"high": 9, "mid": 0, "low": 0, "rig": 0}));
    assert_eq!(ship(&content, "raft")["name"], "Raft");
    assert_eq!(content.ships.len(), plain.ships.len() + 1);
    assert!(content.events.find("customs").is_none() && plain.events.find("customs").is_some());
    let scout = content.enemies.find("pirate_scout").expect("an enemy");
    assert!(content.enemies[scout].loot.is_empty(), "an array is replaced whole");
    assert_eq!(content.items.len(), plain.items.len());
}

#[test]
fn a_folder_without_pack_and_one_that_replaces_are_everything() {
    assert_eq!(bundle(built_in()), built_in());
    let mut all = built_in();
    all.insert("pack.toml".into(), "name = \"Test\"\nmode = \"replace\"\n".into());
    assert_eq!(bundle(all.clone()), all);
    let content = Content::parse(&all).expect("content");
    assert_ne!(content.hash, crate::play::CONTENT.hash);
    all.remove("ships.toml");
    let missing = Content::parse(&all).expect_err("a fault");
    assert_eq!(told(&missing), ["ships.toml: the file is missing"]);
    let faults = faults(&[("pack.toml", "name = \"Test\"\nmode = \"replace\"\nremove = [\"items.x\"]\n")]);
    let faults = told(&faults);
    assert!(
        faults.contains(&"pack.toml:3:1: remove: is for overlays; what this pack does not have is not there".into())
    );
    let missing = faults.iter().filter(|fault| fault.ends_with("the file is missing")).count();
    assert_eq!(missing, built_in().len() - 1, "achievements came later, and can be missing");
}

#[test]
fn every_fault_of_every_file_is_told_with_its_place_and_whose_it_is() {
    let pack = "name = \"Test\"\nmode = \"overlay\"\nrules = 999\nremove = [\"items.scrap_metal\", \"items.fuel_cels\", \
                \"weather.rain\", \"ships\"]\n";
    let ships = "[scout]\ncost = -5\nmax_hpp = 4\nspeed = \"fast\"\n[boat]\nname = \"Boat\"\nslots = { high = 200 }\n";
    let events = "[fog]\ntext = \"\"\nregions = [\"frontir\"]\nweight = 1.5\neffects = [\n  { type = \"fule\", amount = [1, 2] },\n  \
                  { type = \"item\", item = \"x\", quantity = [1] },\n]\n";
    let names = "[firsts]\ncore_worlds = [\"One\", 2]\n";
    let mods = "[laser_cannon\ncost = = 4\n";
    let found = faults(&[
        ("pack.toml", pack),
        ("ships.toml", ships),
        ("events.toml", events),
        ("names.toml", names),
        ("mods.toml", mods),
        ("itens.toml", ""),
    ]);
    let all = told(&found);
    for expected in [
        "pack.toml:3:1: rules: is made for rules 999; this program plays ",
        "pack.toml:4:32: remove[1]: there is no such key; did you mean \"fuel_cells\"?",
        "pack.toml:4:51: remove[2]: there is no weather.toml",
        "pack.toml:4:67: remove[3]: must be a file and a key in it",
        "ships.toml:2:1: scout.cost: is -5; must be a whole number from 1 to 1000000",
        "ships.toml:3:1: scout.max_hpp: is no key of this table; did you mean \"max_hp\"?",
        "ships.toml:4:1: scout.speed: is a string; must be a number from 0.05 to 10",
        "ships.toml:5:2: boat.cost: is missing; must be a whole number",
        "ships.toml:7:11: boat.slots.high: is 200; must be a whole number from 0 to 16",
        "ships.toml:7:1: boat.slots.rig: is missing",
        "events.toml:2:1: fog.text: has 0 characters; must have 1 to 500",
        "events.toml:3:12: fog.regions[0]: \"frontir\" is not defined in regions.toml; did you mean \"frontier\"?",
        "events.toml:4:1: fog.weight: is a float; must be a whole number from 1 to 1000",
        "events.toml:6:5: fog.effects[0].type: \"fule\" is not known; did you mean \"fuel\"?",
        "events.toml:7:20: fog.effects[1].item: \"x\" is not defined in items.toml",
        "events.toml:7:32: fog.effects[1].quantity: has 1 entries; must have 2",
        "names.toml:2:23: firsts.core_worlds[1]: is an integer; must be a string",
        "mods.toml:1:",
        "mods.toml:2:8: extra `=`",
        "itens.toml: is no content file; did you mean \"items.toml\"?",
    ] {
        assert!(all.iter().any(|fault| fault.starts_with(expected)), "expected {expected:?} in {all:#?}");
    }
    let removed = found.iter().filter(|fault| fault.problem.contains("\"scrap_metal\" is not defined"));
    assert!(removed.clone().count() > 1, "{all:#?}");
    for fault in removed {
        assert!(
            fault.built_in && fault.line.is_some() && fault.problem.ends_with("; the pack has removed it"),
            "{fault}"
        );
    }
    assert!(found.iter().all(|fault| fault.built_in == fault.problem.contains("the pack has removed it")), "{all:#?}");
    let unclear = told(&faults(&[("pack.toml", "name = \"Test\"\nmode = \"over\"\n")]));
    assert_eq!(unclear, ["pack.toml:2:1: mode: \"over\" is not known; did you mean \"overlay\"?"]);
    let nothing = told(&faults(&[("pack.toml", "")]));
    assert_eq!(nothing.len(), 2, "{nothing:#?}");
}

/// Plays some turns on a content; each state is written down and read back on the way.
fn plays(content: &Content, seed: u64) {
    let mut dice = Dice::new(seed);
    let mut game = begin(content, seed, Difficulty::ALL[seed as usize % 3]);
    for _ in 0..150 {
        let stored = (Map::of(&game.map, content), State::of(&game, content));
        let restored = restore(&stored.0, &stored.1, content).unwrap_or_else(|problem| panic!("{problem:?}: {game:?}"));
        assert_eq!(restored, game);
        let offered = Offers::of(&game, content).offered;
        if game.end.is_some() {
            return assert!(offered.is_empty());
        }
        let (action, _) = &offered[dice.stream(Stream::Events).below(offered.len() as u64) as usize];
        (game, _) = apply(&game, content, action).expect("an offered action is accepted");
    }
}

/// Whatever is put in the place of a value or a key: it plays, or is told with a file that is there and a line.
#[test]
fn nothing_in_a_pack_is_too_strange_to_be_told() {
    const WORDS: [&str; 15] = [
        "",
        "0",
        "-1",
        "nan",
        "\"x\"",
        "true",
        "[]",
        "[2, 1]",
        "[[1], {}]",
        "{}",
        "{ type = 3 }",
        "99999999999999999999",
        "1979-05-27",
        "\u{e9}",
        "[",
    ];
    let whole = built_in();
    let names: Vec<_> = whole.keys().cloned().collect();
    let mut dice = Dice::new(20);
    let mut draws = dice.stream(Stream::Events);
    let mut below = |most: usize| draws.below(most as u64) as usize;
    let (mut good, mut bad) = (0, 0);
    for _ in 0..600 {
        let mut files = whole.clone();
        files.insert("pack.toml".into(), "name = \"Test\"\nmode = \"replace\"\n".into());
        for _ in 0..=below(3) {
            let text = files.get_mut(&names[below(names.len())]).expect("a file");
            let words: Vec<_> = text.split([' ', '\n']).filter(|word| !word.is_empty()).map(str::to_owned).collect();
            *text = text.replacen(&words[below(words.len())], WORDS[below(WORDS.len())], 1);
        }
        match Content::parse(&files) {
            Ok(content) => {
                good += 1;
                plays(&content, good);
            }
            Err(faults) => {
                bad += 1;
                assert!(!faults.is_empty());
                for fault in faults {
                    let text = &files[&fault.file];
                    assert!(fault.line.is_some_and(|line| line <= 1 + text.lines().count()), "{fault}");
                    assert!(!fault.built_in && fault.problem.len() > 5, "{fault}");
                }
            }
        }
    }
    assert!(good > 10 && bad > 200, "{good} good, {bad} bad");
}

#[test]
fn what_only_shows_in_the_whole_is_told_with_its_place_too() {
    let quests = "[quests.box]\nkind = \"bounty\"\ntitle = \"A\"\ntext = \"B\"\nweight = [1, 2]\n";
    let balance = "[start]\nnode = \"derelict\"\n";
    let all = told(&faults(&[OVERLAY, ("quests.toml", quests)]));
    assert_eq!(all, ["quests.toml:5:1: quests.box.weight: a delivery has one, and nothing else has one"]);
    let all = told(&faults(&[OVERLAY, ("balance.toml", balance)]));
    assert_eq!(all, ["balance.toml:2:1: start.node: is not among the places of start.region"]);
    // What the pack asks for is not in the built-in file.
    let all = told(&faults(&[OVERLAY, ("balance.toml", "[map]\nnodes = [8, 20]\n")]));
    assert_eq!(all.len(), crate::play::CONTENT.regions.len(), "{all:#?}");
    assert!(
        all.iter().all(|fault| fault.starts_with("built-in names.toml:") && fault.ends_with("needs at least 20 words"))
    );
}

#[test]
fn what_can_never_appear_is_a_warning() {
    let entry = "name = \"N\"\ndescription = \"D\"\n";
    let items = format!("[dream]\n{entry}weight = 1\nbase_value = 0\ncategory = \"quest\"\nstack_size = 1\n");
    let enemies = format!(
        "[ghost]\n{entry}hp = 1\ncombat_power = 1\naccuracy = 1\nspeed = 1\nflee_threshold = 0\ncredits = [0, 0]\n\
         loot_chance = 1\nloot = [{{ item = \"dream\", quantity = [1, 1], chance = 1 }}]\n"
    );
    let nodes = format!("[attic]\n{entry}repair = 0\ntrade = 0\ndanger = 0\n");
    let events = "[haunting]\ntext = \"Boo.\"\nnodes = [\"attic\"]\nweight = 1\n\
                  effects = [{ type = \"fight\", enemy = \"ghost\" }]\n";
    let names = "[lasts]\nattic = [\"Attic\"]\n";
    let quests = "[quests.moon]\nkind = \"delivery\"\ntitle = \"T\"\ntext = \"T\"\nweight = [9000, 9000]\n";
    let mut pack = files(&[
        OVERLAY,
        ("items.toml", &items),
        ("enemies.toml", &enemies),
        ("nodes.toml", &nodes),
        ("events.toml", events),
        ("names.toml", names),
        ("quests.toml", quests),
    ]);
    let warnings = |files: &Files| {
        let checked = Content::check_all(files);
        assert!(checked.content.is_ok(), "{:#?}", checked.content.err());
        checked.warnings.iter().filter(|fault| !fault.built_in).map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        warnings(&pack),
        [
            "enemies.toml:1:2: ghost: is in no region, event or quest that comes",
            "events.toml:1:2: haunting: never happens: none of its regions has one of its places",
            "items.toml:1:2: dream: is nowhere found, and without a value not sold",
            "nodes.toml:1:2: attic: is in no region's node_types",
            "quests.toml:1:9: quests.moon: can never be accepted: no hold takes its cargo",
        ]
    );
    // Where the place occurs, so do the event, the enemy, and what it carries.
    let events = events.replace("attic", "station");
    pack.insert("pack/events.toml".into(), events);
    assert_eq!(warnings(&pack).len(), 2);
}

#[test]
fn the_schemas_in_the_repository_are_those_of_the_types() {
    let folder = tempfile::tempdir().expect("a folder");
    let there = folder.path().join("pack/schema");
    assert_eq!(cosmic(&["schema", text(&there)]).0, Some(0));
    let read = |folder: &Path| -> BTreeMap<String, String> {
        let names = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        names
            .map(|path| {
                let name = path.file_name().expect("a name").to_string_lossy().into_owned();
                (name, std::fs::read_to_string(path).expect("a file"))
            })
            .collect()
    };
    assert_eq!(read(&there), schemas());
    assert!(read(Path::new("data/schema")) == schemas(), "write them with: cosmic-explorer schema data/schema");
    for (name, text) in built_in() {
        let line = format!("#:schema schema/{}.json\n", name.trim_end_matches(".toml"));
        assert!(text.starts_with(&line), "{name} begins with {line}");
    }
    // What editors check: ranges, and no key that must be there in an overlay.
    let schema = |name: &str| -> Value { serde_json::from_str(&schemas()[name]).expect("JSON") };
    let ship = schema("ships.json")["definitions"]["Ship"].clone();
    assert_eq!(
        (&ship["properties"]["speed"]["minimum"], &ship["properties"]["cost"]["minimum"]),
        (&json!(0.05), &json!(1))
    );
    assert!(ship["required"].as_array().is_some_and(|keys| keys.len() == 8));
    assert!(schema("ships.overlay.json")["definitions"]["Ship"]["required"].is_null());
    assert!(!schemas()["balance.json"].is_empty() && schema("pack.json")["properties"]["mode"].is_object());
}

#[test]
fn the_pack_of_the_documents_is_played_and_checked() {
    let folder = tempfile::tempdir().expect("a folder");
    let pack = folder.path().join("paper-boats");
    let readme = documented();
    assert!(readme.len() >= 2 && readme.contains_key("pack.toml"), "{readme:?}");
    let texts: Vec<_> = readme.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    write(&pack, &texts);
    // Harmless beside it.
    std::fs::write(pack.join("README.md"), "Fold along the line.").expect("a file");
    assert_eq!(cosmic(&["schema", text(&pack.join("schema"))]).0, Some(0));
    let (code, said, _) = cosmic(&["check", text(&pack)]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("can be played") && !said.contains("warning: /"), "{said}");
    let content = Content::parse(&read_content(&pack).expect("files").0).expect("content");
    assert!(said.contains(&content.hash));

    let server = start(program(folder.path(), &["--data", text(&pack)]));
    let mut client = Client::new(&server.url);
    client.begin(json!({ "seed": 1 }));
    assert_eq!(client.get("/api/content").json()["ships"]["scout"]["name"], "Paper Boat");
    client.act(&json!({"type": "wait"}));
    assert_eq!(server.end("-TERM"), Some(0));

    std::fs::write(pack.join("ships.toml"), "[scout]\ncots = 3\n").expect("a file");
    let (code, said, _) = cosmic(&["check", text(&pack)]);
    assert_eq!(code, Some(1));
    let place =
        format!("{}:2:1: scout.cots: is no key of this table; did you mean \"cost\"?", text(&pack.join("ships.toml")));
    assert!(said.contains(&place) && said.contains("1 fault\n"), "{said}");
    let (code, said, _) = cosmic(&["check", "--json", text(&pack)]);
    let said: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!((code, &said["content"]), (Some(1), &Value::Null));
    assert_eq!(
        said["faults"][0],
        json!({"file": "ships.toml", "built_in": false, "line": 2, "column": 1, "key": "scout.cots",
               "problem": "is no key of this table; did you mean \"cost\"?"})
    );
    assert_eq!(cosmic(&["check", "/does/not/exist"]).0, Some(1));
    let (code, said, _) = cosmic(&["check", "data"]);
    assert!(code == Some(0) && said.contains("with 0 warnings"), "{said}");
}

/// A game begins on one pack; then the server is started with another, and the first one is gone.
#[test]
fn a_game_goes_on_with_the_content_it_began_with() {
    let folder = tempfile::tempdir().expect("a folder");
    let saves = folder.path().join("saves");
    let [ours, kept, theirs] = ["ours", "kept", "theirs"].map(|name| folder.path().join(name));
    for place in [&ours, &kept] {
        write(place, &[OVERLAY, ("ships.toml", "[scout]\nname = \"Paper Boat\"\nmax_hp = 60\n")]);
    }
    write(&theirs, &[OVERLAY, ("ships.toml", "[scout]\nname = \"Tin Can\"\nmax_hp = 200\n")]);
    let run = |data: &Path| start(program(&saves, &["--data", text(data)]));
    let hull = |client: &Client| client.look()["state"]["player_stats"]["max_hp"].clone();

    let server = run(&ours);
    let mut old = Client::new(&server.url);
    old.begin(json!({ "seed": 5 }));
    assert_eq!(hull(&old), 60);
    let began_with = old.get("/api/content").json()["hash"].clone();
    for _ in 0..3 {
        old.act(&old.offers()["offered"][0]["action"]);
    }
    assert_eq!(server.end("-TERM"), Some(0));
    std::fs::remove_dir_all(&ours).expect("it goes");

    let server = run(&theirs);
    let old = old.at(&server.url);
    let mut new = Client::new(&server.url);
    new.begin(json!({ "seed": 5 }));
    assert_eq!((hull(&old), hull(&new)), (json!(60), json!(200)));
    let its = old.get(&format!("/api/content/{}", began_with.as_str().expect("a hash"))).json();
    assert_eq!(its["ships"]["scout"]["name"], "Paper Boat");
    assert_eq!(old.get("/api/content").json()["ships"]["scout"]["name"], "Tin Can");
    crate::binary::play_until(&old, &mut Dice::new(3), false);
    let replay = old.get(&old.path("/turns?format=replay")).json();
    assert_eq!(replay["content"], began_with);
    assert!(replay["history"].as_array().is_some_and(|history| history.len() > 3));
    assert_eq!(server.end("-TERM"), Some(0));

    let (code, said, _) = cosmic(&["saves", "verify", "--saves", text(&saves), "--data", text(&theirs)]);
    assert_eq!((code, said.matches("good").count()), (Some(0), 2), "{said}");
    let file = folder.path().join("game.json");
    std::fs::write(&file, replay.to_string()).expect("a file");
    assert_eq!(cosmic(&["replay", text(&file), "--data", text(&kept)]).0, Some(0));
    assert_eq!(cosmic(&["replay", text(&file), "--data", text(&theirs)]).0, Some(3), "nobody can tell");
}

#[test]
fn what_would_do_nothing_or_grow_without_end_is_told() {
    let told = |name: &str, text: &str| told(&faults(&[OVERLAY, (name, text)])).join(" ");
    let poor = told("balance.toml", "[limits]\nwealth = 300\n");
    assert!(poor.contains("limits.wealth") && poor.contains("below what a game begins with"), "{poor}");
    let spent = told("items.toml", "[shield_booster_charge]\neffect = { temp_hp = 50, duration = 0 }\n");
    assert!(spent.contains("shield_booster_charge.effect"), "{spent}");
    let long = told("items.toml", &format!("[{}]\nname = \"Long\"\n", "x".repeat(100_000)));
    assert!(long.contains("longer than 100 bytes") && long.len() < 1_000, "{}", long.len());
}
