//! What no single value of the content shows: what must fit together.

use std::collections::{BTreeMap, BTreeSet};

use super::balance::{Balance, Difficulty};
use super::catalog::Content;
use super::events::{Choice, Needs};
use super::items::Category;
use super::quests::QuestKind;
use super::reader::Reader;
use crate::game::table::Ref;

/// Checks content whose references are already resolved or reported.
pub(super) fn check(content: &Content, reader: &mut Reader<'_>) {
    items(content, reader);
    events(content, reader);
    quests(content, reader);
    achievements(content, reader);
    balance(content, reader);
    moves(content, reader);
    if reader.faults.is_empty() {
        chains(content, reader);
        map(content, reader);
        names(content, reader);
    }
}

fn items(content: &Content, reader: &mut Reader<'_>) {
    for (ix, item) in content.items.iter() {
        let id = content.items.id(ix);
        if (item.category == Category::Consumable) != item.effect.is_some() {
            reader.fault("items.toml", id, "a consumable has an effect, and nothing else has one");
        }
        if item.effect.as_ref().is_some_and(|effect| effect.temp_hp > 0 && effect.duration <= 0) {
            let key = format!("{id}.effect");
            reader.fault("items.toml", &key, "has temp_hp without a duration: it would do nothing");
        }
    }
}

fn events(content: &Content, reader: &mut Reader<'_>) {
    for (ix, event) in content.events.iter() {
        let id = content.events.id(ix);
        if !event.choices.is_empty() && !event.effects.is_empty() {
            reader.fault("events.toml", id, "has effects or choices, not both");
        }
        let free = |choice: &Choice| {
            let Needs { credits, fuel, food, item } = &choice.needs;
            *credits == 0 && *fuel == 0 && *food == 0 && item.is_none()
        };
        if !event.choices.is_empty() && !event.choices.iter().any(free) {
            reader.fault("events.toml", id, "one of its choices must have no needs");
        }
        let ids: BTreeSet<_> = event.choices.iter().map(|choice| &choice.id).collect();
        if ids.len() < event.choices.len() {
            reader.fault("events.toml", &format!("{id}.choices"), "two have the same id");
        }
    }
}

fn quests(content: &Content, reader: &mut Reader<'_>) {
    let quests = &content.quests.quests;
    for (ix, text) in quests.iter() {
        if (text.kind == QuestKind::Delivery) != text.weight.is_some() {
            let key = format!("quests.{}.weight", quests.id(ix));
            reader.fault("quests.toml", &key, "a delivery has one, and nothing else has one");
        }
        if text.kind != QuestKind::Bounty && text.enemy.is_some() {
            let key = format!("quests.{}.enemy", quests.id(ix));
            reader.fault("quests.toml", &key, "only a bounty has one");
        }
    }
}

fn achievements(content: &Content, reader: &mut Reader<'_>) {
    for (ix, achievement) in content.achievements.iter() {
        let id = content.achievements.id(ix);
        if achievement.least.is_none() && achievement.most.is_none() {
            reader.fault("achievements.toml", id, "takes least, most or both");
        }
        if achievement.most.is_some() && !achievement.won {
            let key = format!("{id}.most");
            reader.fault("achievements.toml", &key, "is asked of won games: a game begins with less");
        }
    }
}

fn balance(content: &Content, reader: &mut Reader<'_>) {
    let file = "balance.toml";
    let Balance { start, difficulty, combat, limits, market, .. } = &content.balance;
    if market.drift > market.spread {
        reader.fault(file, "market.drift", "is above market.spread: waiting at a dock would make money");
    }
    if market.local + market.danger >= 1.0 {
        reader.fault(file, "market.local", "with market.danger must stay below 1: prices are above 0");
    }
    if combat.least_chance > combat.most_chance {
        reader.fault(file, "combat.least_chance", "is above combat.most_chance");
    }
    if start.health > limits.health || start.fuel > limits.fuel || start.food > limits.food {
        reader.fault(file, "start", "health, fuel and food start within [limits]");
    }
    if Difficulty::ALL.iter().any(|each| difficulty.of(*each).wealth > limits.wealth) {
        reader.fault(file, "limits.wealth", "is below what a game begins with");
    }
}

fn moves(content: &Content, reader: &mut Reader<'_>) {
    if !content.moves.iter().any(|(_, each)| !each.needs_targeting && each.needs_weapons == 0) {
        reader.fault("combat.toml", "", "one move must need nothing");
    }
}

/// Quests that follow each other come to an end.
fn chains(content: &Content, reader: &mut Reader<'_>) {
    let quests = &content.quests.quests;
    let follower = |ix| quests[ix].then.as_ref().map(Ref::ix);
    for start in quests.indices() {
        if std::iter::successors(follower(start), |ix| follower(*ix)).take(quests.len()).any(|ix| ix == start) {
            let key = format!("quests.{}.then", quests.id(start));
            reader.fault("quests.toml", &key, "comes back to this quest; a chain ends");
        }
    }
}

fn map(content: &Content, reader: &mut Reader<'_>) {
    let Balance { start, map, .. } = &content.balance;
    if !content.regions[start.region.ix()].node_types.iter().any(|place| place.ix() == start.node.ix()) {
        reader.fault("balance.toml", "start.node", "is not among the places of start.region");
    }
    for (ix, region) in content.regions.iter() {
        let kinds: BTreeSet<_> = region.node_types.iter().map(Ref::ix).collect();
        if kinds.len() as i64 > map.nodes[0] {
            let key = format!("{}.node_types", content.regions.id(ix));
            reader.fault("regions.toml", &key, "has more kinds than the smallest region has places");
        }
    }
}

/// There are enough names for the largest map, and each is for a region or place that there is.
fn names(content: &Content, reader: &mut Reader<'_>) {
    let file = "names.toml";
    let Content { regions, nodes, names, .. } = content;
    let map = &content.balance.map;
    let have = |list: &BTreeMap<String, Vec<String>>, id: &str| list.get(id).map_or(0, Vec::len);
    let alike = map.regions.div_ceil(regions.len());
    for id in regions.indices().map(|ix| regions.id(ix)) {
        if have(&names.regions, id) < alike {
            reader.fault(file, &format!("regions.{id}"), &format!("needs at least {alike} names"));
        }
        if (have(&names.firsts, id) as i64) < map.nodes[1] {
            reader.fault(file, &format!("firsts.{id}"), &format!("needs at least {} words", map.nodes[1]));
        }
    }
    for id in nodes.indices().map(|ix| nodes.id(ix)) {
        if names.lasts.get(id).is_none_or(Vec::is_empty) {
            reader.fault(file, &format!("lasts.{id}"), "needs at least one word");
        }
    }
    for (list, key) in [(&names.regions, "regions"), (&names.firsts, "firsts")] {
        for id in list.keys().filter(|id| regions.find(id).is_none()) {
            reader.fault(file, &format!("{key}.{id}"), "is not a region of regions.toml");
        }
    }
    for id in names.lasts.keys().filter(|id| nodes.find(id).is_none()) {
        reader.fault(file, &format!("lasts.{id}"), "is not a place of nodes.toml");
    }
}
