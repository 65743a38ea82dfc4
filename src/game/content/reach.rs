//! What stands in content and can never appear in a game. It is no fault, but probably a mistake of its author.

use std::collections::BTreeSet;

use super::catalog::Content;
use super::enemies::Enemy;
use super::events::{Effect, EventDef};
use super::items::Item;
use super::nodes::NodeKind;
use super::quests::{QuestKind, QuestText};
use super::regions::RegionKind;
use crate::game::table::{Ix, Ref};

/// File, key and what is to be said of it.
pub(super) type Unseen = (&'static str, String, &'static str);

/// What can never appear.
pub(super) fn never_seen(content: &Content) -> Vec<Unseen> {
    let reach = Reach::of(content);
    [events(&reach), nodes(content), enemies(&reach), items(&reach), quests(&reach), mods(content)].concat()
}

/// What can appear.
struct Reach<'a> {
    content: &'a Content,
    events: BTreeSet<Ix<EventDef>>,
    effects: Vec<&'a Effect>,
    quests: BTreeSet<Ix<QuestText>>,
    enemies: BTreeSet<Ix<Enemy>>,
}

impl<'a> Reach<'a> {
    fn of(content: &'a Content) -> Self {
        let happens = |event: &EventDef| {
            content.balance.travel.event > 0.0 && is_somewhere(content, &event.regions, &event.nodes)
        };
        let events: Vec<_> = content.events.iter().filter(|(_, event)| happens(event)).collect();
        let effects: Vec<_> = events
            .iter()
            .flat_map(|(_, event)| {
                let answers = event.choices.iter().flat_map(|choice| &choice.outcomes).flat_map(|end| &end.effects);
                event.effects.iter().chain(answers)
            })
            .collect();
        let given = effects.iter().filter_map(|effect| match effect {
            Effect::Quest { quest } => Some(quest.ix()),
            _ => None,
        });
        let quests = reached_quests(content, given);
        let prowlers = content.regions.iter().flat_map(|(_, region)| region.enemies.iter().map(|each| each.enemy.ix()));
        let fights = effects.iter().filter_map(|effect| match effect {
            Effect::Fight { enemy } => Some(enemy.ix()),
            _ => None,
        });
        let quarry = quests.iter().filter_map(|ix| content.quests.quests[*ix].enemy.as_ref().map(Ref::ix));
        let enemies = prowlers.chain(fights).chain(quarry).collect();
        let events = events.iter().map(|(ix, _)| *ix).collect();
        Self { content, events, effects, quests, enemies }
    }
}

/// The quests that docks post, that are given, and that follow them.
fn reached_quests(content: &Content, given: impl Iterator<Item = Ix<QuestText>>) -> BTreeSet<Ix<QuestText>> {
    let (offers, quests) = (&content.quests.offers, &content.quests.quests);
    let posted = offers.chance > 0.0 && offers.board > 0 && offers.most > 0;
    let boards = quests.iter().filter(|(_, text)| posted && text.offered > 0).map(|(ix, _)| ix);
    let mut open: Vec<_> = boards.chain(given).collect();
    let mut reached = BTreeSet::new();
    while let Some(quest) = open.pop() {
        if reached.insert(quest) {
            open.extend(quests[quest].then.as_ref().map(Ref::ix));
        }
    }
    reached
}

/// Whether any of some regions has any of some kinds of place; where none are named, all count.
fn is_somewhere(content: &Content, regions: &[Ref<RegionKind>], nodes: &[Ref<NodeKind>]) -> bool {
    let named = |ix| regions.is_empty() || regions.iter().any(|region| region.ix() == ix);
    let mut places = content.regions.iter().filter(|(ix, _)| named(*ix)).flat_map(|(_, region)| &region.node_types);
    places.any(|place| nodes.is_empty() || nodes.iter().any(|node| node.ix() == place.ix()))
}

fn events(reach: &Reach<'_>) -> Vec<Unseen> {
    let problem = if reach.content.balance.travel.event > 0.0 {
        "never happens: none of its regions has one of its places"
    } else {
        "never happens: travel.event in balance.toml is 0"
    };
    let events = &reach.content.events;
    let unseen = events.indices().filter(|ix| !reach.events.contains(ix));
    unseen.map(|ix| ("events.toml", events.id(ix).to_owned(), problem)).collect()
}

fn nodes(content: &Content) -> Vec<Unseen> {
    let places: BTreeSet<_> =
        content.regions.iter().flat_map(|(_, region)| region.node_types.iter().map(Ref::ix)).collect();
    let unseen = content.nodes.indices().filter(|ix| !places.contains(ix));
    unseen.map(|ix| ("nodes.toml", content.nodes.id(ix).to_owned(), "is in no region's node_types")).collect()
}

fn enemies(reach: &Reach<'_>) -> Vec<Unseen> {
    let problem = "is in no region, event or quest that comes";
    let enemies = &reach.content.enemies;
    let unseen = enemies.indices().filter(|ix| !reach.enemies.contains(ix));
    unseen.map(|ix| ("enemies.toml", enemies.id(ix).to_owned(), problem)).collect()
}

fn items(reach: &Reach<'_>) -> Vec<Unseen> {
    let Content { items, balance, quests, enemies, .. } = reach.content;
    let from_events = reach.effects.iter().filter_map(|effect| match effect {
        Effect::Item { item, .. } => Some(item.ix()),
        _ => None,
    });
    let from_quests = reach.quests.iter().filter_map(|ix| quests.quests[*ix].gives.as_ref().map(Ref::ix));
    let loot = reach.enemies.iter().flat_map(|ix| &enemies[*ix].loot).map(|loot| loot.item.ix());
    let finds = [&balance.scan.finds, &balance.mine.finds, &balance.salvage.finds].into_iter().flatten();
    let finds = finds.map(|find| find.item.ix()).chain([balance.mine.item.ix()]);
    let found: BTreeSet<Ix<Item>> = from_events.chain(from_quests).chain(loot).chain(finds).collect();
    // Docks deal in everything that is worth something.
    let unseen = items.iter().filter(|(ix, item)| item.base_value == 0 && !found.contains(ix));
    let problem = "is nowhere found, and without a value not sold";
    unseen.map(|(ix, _)| ("items.toml", items.id(ix).to_owned(), problem)).collect()
}

fn quests(reach: &Reach<'_>) -> Vec<Unseen> {
    let Content { ships, mods, quests, .. } = reach.content;
    let hull = ships.iter().map(|(_, ship)| ship.cargo_capacity).max().unwrap_or_default();
    let hold = mods.iter().map(|(_, each)| each.effects.cargo_capacity).max().unwrap_or_default();
    let slots = ships.iter().map(|(_, ship)| {
        let slots = &ship.slots;
        i64::from(slots.high) + i64::from(slots.mid) + i64::from(slots.low) + i64::from(slots.rig)
    });
    let room = hull + hold * slots.max().unwrap_or_default();
    let mut unseen = Vec::new();
    for (ix, text) in quests.quests.iter() {
        let problem = if !reach.quests.contains(&ix) {
            "is never offered: by no dock, no event that comes, and after no quest that is offered"
        } else if !is_somewhere(reach.content, &text.regions, &text.nodes) {
            "can be about no place: none of its regions has one of its places"
        } else if text.kind == QuestKind::Delivery && text.weight.is_some_and(|[least, _]| least > room) {
            "can never be accepted: no hold takes its cargo"
        } else {
            continue;
        };
        unseen.push(("quests.toml", format!("quests.{}", quests.quests.id(ix)), problem));
    }
    unseen
}

fn mods(content: &Content) -> Vec<Unseen> {
    let Content { mods, ships, .. } = content;
    let fits = |slot| ships.iter().any(|(_, ship)| ship.slots.of(slot) > 0);
    let unseen = mods.iter().filter(|(_, each)| !fits(each.slot));
    unseen
        .map(|(ix, _)| ("mods.toml", mods.id(ix).to_owned(), "can never be fitted: no ship has such a slot"))
        .collect()
}
