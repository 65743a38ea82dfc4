//! What stands in content and can never appear in a game. Nothing is wrong with it; somebody has forgotten something.

use std::collections::BTreeSet;

use super::{Content, Effect, Enemy, Find, Happening, Item, NodeKind, QuestKind, QuestText, RegionKind};
use crate::game::table::{Ix, Ref};

/// File, key and what is to be said of it.
pub(super) type Unseen = (&'static str, String, &'static str);

impl Content {
    /// What can never appear.
    pub(super) fn never_seen(&self) -> Vec<Unseen> {
        let mut unseen = Vec::new();
        let events: Vec<_> = self.events.iter().filter(|(_, event)| self.occurs(event)).collect();
        let effects = || {
            events.iter().flat_map(|(_, event)| {
                let answers = event.choices.iter().flat_map(|choice| &choice.outcomes).flat_map(|end| &end.effects);
                event.effects.iter().chain(answers)
            })
        };
        for (ix, _) in self.events.iter().filter(|(ix, _)| !events.iter().any(|(seen, _)| seen == ix)) {
            let problem = if self.balance.travel.event > 0.0 {
                "never happens: none of its regions has one of its places"
            } else {
                "never happens: travel.event in balance.toml is 0"
            };
            unseen.push(("events.toml", self.events.id(ix).to_owned(), problem));
        }

        let places: BTreeSet<Ix<NodeKind>> =
            self.regions.iter().flat_map(|(_, region)| region.node_types.iter().map(Ref::ix)).collect();
        for ix in self.nodes.indices().filter(|ix| !places.contains(ix)) {
            unseen.push(("nodes.toml", self.nodes.id(ix).to_owned(), "is in no region's node_types"));
        }

        let given = effects().filter_map(|effect| match effect {
            Effect::Quest { quest } => Some(quest.ix()),
            _ => None,
        });
        let quests = self.quests_that_come(given);
        let work = || quests.iter().map(|quest| &self.quests.quests[*quest]);
        let prowlers = self.regions.iter().flat_map(|(_, region)| region.enemies.iter().map(|each| each.enemy.ix()));
        let fights = effects().filter_map(|effect| match effect {
            Effect::Fight { enemy } => Some(enemy.ix()),
            _ => None,
        });
        let quarry = work().filter_map(|quest| quest.enemy.as_ref().map(Ref::ix));
        let enemies: BTreeSet<Ix<Enemy>> = prowlers.chain(fights).chain(quarry).collect();
        for ix in self.enemies.indices().filter(|ix| !enemies.contains(ix)) {
            unseen.push(("enemies.toml", self.enemies.id(ix).to_owned(), "is in no region, event or quest that comes"));
        }

        let gifts = effects().filter_map(|effect| match effect {
            Effect::Item { item, .. } => Some(item.ix()),
            _ => None,
        });
        let gifts = gifts.chain(work().filter_map(|quest| quest.gives.as_ref().map(Ref::ix)));
        let loot = enemies.iter().flat_map(|enemy| &self.enemies[*enemy].loot).map(|loot| loot.item.ix());
        let balance = &self.balance;
        let finds = [&balance.scan.finds, &balance.mine.finds, &balance.salvage.finds].into_iter().flatten();
        let found: BTreeSet<Ix<Item>> =
            gifts.chain(loot).chain(finds.map(|find: &Find| find.item.ix())).chain([balance.mine.item.ix()]).collect();
        for (ix, item) in self.items.iter() {
            // Docks deal in everything that is worth something.
            if item.base_value == 0 && !found.contains(&ix) {
                unseen.push((
                    "items.toml",
                    self.items.id(ix).to_owned(),
                    "is nowhere found, and without a value not sold",
                ));
            }
        }

        let room = self.ships.iter().map(|(_, ship)| ship.cargo_capacity).max().unwrap_or_default();
        let holds = self.mods.iter().map(|(_, each)| each.effects.cargo_capacity).max().unwrap_or_default();
        let slots = self.ships.iter().map(|(_, ship)| {
            let slots = &ship.slots;
            i64::from(slots.high) + i64::from(slots.mid) + i64::from(slots.low) + i64::from(slots.rig)
        });
        let room = room + holds * slots.max().unwrap_or_default();
        for (ix, text) in self.quests.quests.iter() {
            let key = format!("quests.{}", self.quests.quests.id(ix));
            if !quests.contains(&ix) {
                let problem = "is never offered: by no dock, no event that comes, and after no quest that is offered";
                unseen.push(("quests.toml", key, problem));
            } else if !self.is_somewhere(&text.regions, &text.nodes) {
                unseen.push(("quests.toml", key, "can be about no place: none of its regions has one of its places"));
            } else if text.kind == QuestKind::Delivery && text.weight.is_some_and(|[least, _]| least > room) {
                unseen.push(("quests.toml", key, "can never be accepted: no hold takes its cargo"));
            }
        }
        for (ix, each) in self.mods.iter() {
            if self.ships.iter().all(|(_, ship)| ship.slots.of(each.slot) == 0) {
                unseen.push(("mods.toml", self.mods.id(ix).to_owned(), "can never be fitted: no ship has such a slot"));
            }
        }
        unseen
    }

    /// The quests that docks post, that are given, and that follow them.
    fn quests_that_come(&self, given: impl Iterator<Item = Ix<QuestText>>) -> BTreeSet<Ix<QuestText>> {
        let offers = &self.quests.offers;
        let posted = offers.chance > 0.0 && offers.board > 0 && offers.most > 0;
        let boards = self.quests.quests.iter().filter(|(_, text)| posted && text.offered > 0).map(|(ix, _)| ix);
        let mut open: Vec<_> = boards.chain(given).collect();
        let mut come = BTreeSet::new();
        while let Some(quest) = open.pop() {
            if come.insert(quest) {
                open.extend(self.quests.quests[quest].then.as_ref().map(Ref::ix));
            }
        }
        come
    }

    /// Whether there is a place where an event can happen.
    fn occurs(&self, event: &Happening) -> bool {
        self.balance.travel.event > 0.0 && self.is_somewhere(&event.regions, &event.nodes)
    }

    /// Whether any of some regions has any of some kinds of place; where none are named, all count.
    fn is_somewhere(&self, regions: &[Ref<RegionKind>], nodes: &[Ref<NodeKind>]) -> bool {
        let named = |ix| regions.is_empty() || regions.iter().any(|region| region.ix() == ix);
        let mut places = self.regions.iter().filter(|(ix, _)| named(*ix)).flat_map(|(_, region)| &region.node_types);
        places.any(|place| nodes.is_empty() || nodes.iter().any(|node| node.ix() == place.ix()))
    }
}
