//! References between content files: each id looked up once, in place.

use super::catalog::Content;
use super::events::Effect;
use super::reader::Reader;

/// Resolves every reference. An id that is not defined is a fault.
pub(super) fn resolve(content: &mut Content, reader: &mut Reader<'_>) {
    enemies_and_pod(content, reader);
    regions(content, reader);
    quests(content, reader);
    events(content, reader);
    balance(content, reader);
}

fn look(reader: &mut Reader<'_>, file: &str, key: &str, found: Result<(), String>) {
    if let Err(id) = found {
        reader.rough(file, key, &format!("{id:?} is not defined"));
    }
}

fn enemies_and_pod(content: &mut Content, reader: &mut Reader<'_>) {
    let Content { enemies, items, pod, ships, .. } = content;
    for (id, enemy) in enemies.iter_mut() {
        for (at, loot) in enemy.loot.iter_mut().enumerate() {
            look(reader, "enemies.toml", &format!("{id}.loot[{at}].item"), loot.item.resolve(items));
        }
    }
    look(reader, "pod.toml", "pod.rescue_ship", pod.rescue_ship.resolve(ships));
}

fn regions(content: &mut Content, reader: &mut Reader<'_>) {
    let Content { regions, nodes, enemies, .. } = content;
    for (id, region) in regions.iter_mut() {
        for (at, node) in region.node_types.iter_mut().enumerate() {
            look(reader, "regions.toml", &format!("{id}.node_types[{at}]"), node.resolve(nodes));
        }
        for (at, prowler) in region.enemies.iter_mut().enumerate() {
            look(reader, "regions.toml", &format!("{id}.enemies[{at}].enemy"), prowler.enemy.resolve(enemies));
        }
    }
}

fn quests(content: &mut Content, reader: &mut Reader<'_>) {
    let Content { quests, regions, nodes, enemies, items, .. } = content;
    let file = "quests.toml";
    for (id, text) in quests.quests.iter_mut() {
        let key = |part: &str| format!("quests.{id}.{part}");
        for (at, region) in text.regions.iter_mut().enumerate() {
            look(reader, file, &key(&format!("regions[{at}]")), region.resolve(regions));
        }
        for (at, node) in text.nodes.iter_mut().enumerate() {
            look(reader, file, &key(&format!("nodes[{at}]")), node.resolve(nodes));
        }
        if let Some(enemy) = &mut text.enemy {
            look(reader, file, &key("enemy"), enemy.resolve(enemies));
        }
        for (part, item) in [("takes", &mut text.takes), ("gives", &mut text.gives)] {
            if let Some(item) = item {
                look(reader, file, &key(part), item.resolve(items));
            }
        }
    }
    for (id, lost) in quests.quests.resolve_own(|text| text.then.as_mut()) {
        look(reader, file, &format!("quests.{id}.then"), Err(lost));
    }
}

fn events(content: &mut Content, reader: &mut Reader<'_>) {
    let Content { events, regions, nodes, items, quests, enemies, .. } = content;
    let file = "events.toml";
    for (id, event) in events.iter_mut() {
        for (at, region) in event.regions.iter_mut().enumerate() {
            look(reader, file, &format!("{id}.regions[{at}]"), region.resolve(regions));
        }
        for (at, node) in event.nodes.iter_mut().enumerate() {
            look(reader, file, &format!("{id}.nodes[{at}]"), node.resolve(nodes));
        }
        for (at, choice) in event.choices.iter_mut().enumerate() {
            if let Some(item) = &mut choice.needs.item {
                look(reader, file, &format!("{id}.choices[{at}].needs.item"), item.resolve(items));
            }
        }
        let of_choices =
            event.choices.iter_mut().flat_map(|choice| &mut choice.outcomes).flat_map(|end| &mut end.effects);
        for effect in event.effects.iter_mut().chain(of_choices) {
            match effect {
                Effect::Item { item, .. } | Effect::Take { item, .. } => {
                    look(reader, file, &format!("{id}.effects.item"), item.resolve(items));
                }
                Effect::Quest { quest } => {
                    look(reader, file, &format!("{id}.effects.quest"), quest.resolve(&quests.quests));
                }
                Effect::Fight { enemy } => {
                    look(reader, file, &format!("{id}.effects.enemy"), enemy.resolve(enemies));
                }
                _ => {}
            }
        }
    }
}

fn balance(content: &mut Content, reader: &mut Reader<'_>) {
    let Content { balance, ships, regions, nodes, items, .. } = content;
    let file = "balance.toml";
    look(reader, file, "start.ship", balance.start.ship.resolve(ships));
    look(reader, file, "start.region", balance.start.region.resolve(regions));
    look(reader, file, "start.node", balance.start.node.resolve(nodes));
    look(reader, file, "mine.item", balance.mine.item.resolve(items));
    for (table, finds) in
        [("scan", &mut balance.scan.finds), ("mine", &mut balance.mine.finds), ("salvage", &mut balance.salvage.finds)]
    {
        for (at, find) in finds.iter_mut().enumerate() {
            look(reader, file, &format!("{table}.finds[{at}].item"), find.item.resolve(items));
        }
    }
    for (at, find) in balance.market.finds.iter_mut().enumerate() {
        look(reader, file, &format!("market.finds[{at}]"), find.resolve(items));
    }
}
