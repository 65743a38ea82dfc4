//! What no single value of the content shows: references, and what must fit together.

use std::collections::{BTreeMap, BTreeSet};

use super::read::Reader;
use super::{Balance, Category, Choice, Content, Difficulty, Effect, MapShape, Needs, QuestKind, Start};
use crate::game::table::Ref;

impl Content {
    pub(super) fn resolve(&mut self, reader: &mut Reader<'_>) {
        let mut look = |file: &str, key: String, found: Result<(), String>| {
            if let Err(id) = found {
                reader.rough(file, &key, &format!("{id:?} is not defined"));
            }
        };
        let items = &self.items;
        for (id, enemy) in self.enemies.iter_mut() {
            for (at, loot) in enemy.loot.iter_mut().enumerate() {
                look("enemies.toml", format!("{id}.loot[{at}].item"), loot.item.resolve(items));
            }
        }
        look("pod.toml", "pod.rescue_ship".into(), self.pod.rescue_ship.resolve(&self.ships));
        for (id, region) in self.regions.iter_mut() {
            for (at, node) in region.node_types.iter_mut().enumerate() {
                look("regions.toml", format!("{id}.node_types[{at}]"), node.resolve(&self.nodes));
            }
            for (at, prowler) in region.enemies.iter_mut().enumerate() {
                look("regions.toml", format!("{id}.enemies[{at}].enemy"), prowler.enemy.resolve(&self.enemies));
            }
        }
        for (id, text) in self.quests.quests.iter_mut() {
            let key = |part: &str| format!("quests.{id}.{part}");
            for (at, region) in text.regions.iter_mut().enumerate() {
                look("quests.toml", key(&format!("regions[{at}]")), region.resolve(&self.regions));
            }
            for (at, node) in text.nodes.iter_mut().enumerate() {
                look("quests.toml", key(&format!("nodes[{at}]")), node.resolve(&self.nodes));
            }
            if let Some(enemy) = &mut text.enemy {
                look("quests.toml", key("enemy"), enemy.resolve(&self.enemies));
            }
            for (part, item) in [("takes", &mut text.takes), ("gives", &mut text.gives)] {
                if let Some(item) = item {
                    look("quests.toml", key(part), item.resolve(items));
                }
            }
        }
        for (id, lost) in self.quests.quests.resolve_own(|text| text.then.as_mut()) {
            look("quests.toml", format!("quests.{id}.then"), Err(lost));
        }
        let quests = &self.quests.quests;
        for (id, event) in self.events.iter_mut() {
            for (at, region) in event.regions.iter_mut().enumerate() {
                look("events.toml", format!("{id}.regions[{at}]"), region.resolve(&self.regions));
            }
            for (at, node) in event.nodes.iter_mut().enumerate() {
                look("events.toml", format!("{id}.nodes[{at}]"), node.resolve(&self.nodes));
            }
            for (at, choice) in event.choices.iter_mut().enumerate() {
                if let Some(item) = &mut choice.needs.item {
                    look("events.toml", format!("{id}.choices[{at}].needs.item"), item.resolve(items));
                }
            }
            let of_choices =
                event.choices.iter_mut().flat_map(|choice| &mut choice.outcomes).flat_map(|end| &mut end.effects);
            for effect in event.effects.iter_mut().chain(of_choices) {
                match effect {
                    Effect::Item { item, .. } | Effect::Take { item, .. } => {
                        look("events.toml", format!("{id}.effects.item"), item.resolve(items));
                    }
                    Effect::Quest { quest } => {
                        look("events.toml", format!("{id}.effects.quest"), quest.resolve(quests));
                    }
                    Effect::Fight { enemy } => {
                        look("events.toml", format!("{id}.effects.enemy"), enemy.resolve(&self.enemies));
                    }
                    _ => {}
                }
            }
        }
        let Balance { start, scan, mine, salvage, market, .. } = &mut self.balance;
        let file = "balance.toml";
        look(file, "start.ship".into(), start.ship.resolve(&self.ships));
        look(file, "start.region".into(), start.region.resolve(&self.regions));
        look(file, "start.node".into(), start.node.resolve(&self.nodes));
        look(file, "mine.item".into(), mine.item.resolve(items));
        for (table, finds) in [("scan", &mut scan.finds), ("mine", &mut mine.finds), ("salvage", &mut salvage.finds)] {
            for (at, find) in finds.iter_mut().enumerate() {
                look(file, format!("{table}.finds[{at}].item"), find.item.resolve(items));
            }
        }
        for (at, find) in market.finds.iter_mut().enumerate() {
            look(file, format!("market.finds[{at}]"), find.resolve(items));
        }
    }

    /// What no single value shows. References are already resolved or reported.
    pub(super) fn check(&self, reader: &mut Reader<'_>) {
        for (ix, item) in self.items.iter() {
            if (item.category == Category::Consumable) != item.effect.is_some() {
                reader.fault("items.toml", self.items.id(ix), "a consumable has an effect, and nothing else has one");
            }
        }
        for (ix, event) in self.events.iter() {
            let id = self.events.id(ix);
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
        for (ix, text) in self.quests.quests.iter() {
            if (text.kind == QuestKind::Delivery) != text.weight.is_some() {
                let key = format!("quests.{}.weight", self.quests.quests.id(ix));
                reader.fault("quests.toml", &key, "a delivery has one, and nothing else has one");
            }
            if text.kind != QuestKind::Bounty && text.enemy.is_some() {
                let key = format!("quests.{}.enemy", self.quests.quests.id(ix));
                reader.fault("quests.toml", &key, "only a bounty has one");
            }
        }
        for (ix, achievement) in self.achievements.iter() {
            if achievement.least.is_none() && achievement.most.is_none() {
                reader.fault("achievements.toml", self.achievements.id(ix), "takes least, most or both");
            }
            if achievement.most.is_some() && !achievement.won {
                let key = format!("{}.most", self.achievements.id(ix));
                reader.fault("achievements.toml", &key, "is asked of won games: a game begins with less");
            }
        }
        let Balance { start, combat, map, limits, market, .. } = &self.balance;
        if market.drift > market.spread {
            reader.fault("balance.toml", "market.drift", "is above market.spread: waiting at a dock would make money");
        }
        if market.local + market.danger >= 1.0 {
            reader.fault("balance.toml", "market.local", "with market.danger must stay below 1: prices are above 0");
        }
        if combat.least_chance > combat.most_chance {
            reader.fault("balance.toml", "combat.least_chance", "is above combat.most_chance");
        }
        if start.health > limits.health || start.fuel > limits.fuel || start.food > limits.food {
            reader.fault("balance.toml", "start", "health, fuel and food start within [limits]");
        }
        if Difficulty::ALL.iter().any(|each| self.difficulty(*each).wealth > limits.wealth) {
            reader.fault("balance.toml", "limits.wealth", "is below what a game begins with");
        }
        for (ix, item) in self.items.iter() {
            if item.effect.as_ref().is_some_and(|effect| effect.temp_hp > 0 && effect.duration <= 0) {
                let key = format!("{}.effect", self.items.id(ix));
                reader.fault("items.toml", &key, "has temp_hp without a duration: it would do nothing");
            }
        }
        if self.moves.is_empty() || !self.moves.iter().any(|(_, each)| !each.needs_targeting && each.needs_weapons == 0)
        {
            reader.fault("combat.toml", "", "one move must need nothing");
        }
        if reader.faults.is_empty() {
            self.check_chains(reader);
            self.check_map(reader, map, start);
        }
    }

    /// Quests that follow each other come to an end.
    fn check_chains(&self, reader: &mut Reader<'_>) {
        let quests = &self.quests.quests;
        let follower = |ix| quests[ix].then.as_ref().map(Ref::ix);
        for start in quests.indices() {
            if std::iter::successors(follower(start), |ix| follower(*ix)).take(quests.len()).any(|ix| ix == start) {
                let key = format!("quests.{}.then", quests.id(start));
                reader.fault("quests.toml", &key, "comes back to this quest; a chain ends");
            }
        }
    }

    fn check_map(&self, reader: &mut Reader<'_>, map: &MapShape, start: &Start) {
        let start_places = &self.regions[start.region.ix()].node_types;
        if !start_places.iter().any(|place| place.ix() == start.node.ix()) {
            reader.fault("balance.toml", "start.node", "is not among the places of start.region");
        }
        for (ix, region) in self.regions.iter() {
            let id = self.regions.id(ix);
            let kinds: BTreeSet<_> = region.node_types.iter().map(Ref::ix).collect();
            if kinds.len() as i64 > map.nodes[0] {
                reader.fault(
                    "regions.toml",
                    &format!("{id}.node_types"),
                    "has more kinds than the smallest region has places",
                );
            }
            let have = |list: &BTreeMap<String, Vec<String>>, id: &str| list.get(id).map_or(0, Vec::len);
            let alike = map.regions.div_ceil(self.regions.len());
            if have(&self.names.regions, id) < alike {
                reader.fault("names.toml", &format!("regions.{id}"), &format!("needs at least {alike} names"));
            }
            if (have(&self.names.firsts, id) as i64) < map.nodes[1] {
                reader.fault("names.toml", &format!("firsts.{id}"), &format!("needs at least {} words", map.nodes[1]));
            }
        }
        for (ix, _) in self.nodes.iter() {
            let id = self.nodes.id(ix);
            if self.names.lasts.get(id).is_none_or(Vec::is_empty) {
                reader.fault("names.toml", &format!("lasts.{id}"), "needs at least one word");
            }
        }
        for (list, key) in [(&self.names.regions, "regions"), (&self.names.firsts, "firsts")] {
            for id in list.keys().filter(|id| self.regions.find(id).is_none()) {
                reader.fault("names.toml", &format!("{key}.{id}"), "is not a region of regions.toml");
            }
        }
        for id in self.names.lasts.keys().filter(|id| self.nodes.find(id).is_none()) {
            reader.fault("names.toml", &format!("lasts.{id}"), "is not a place of nodes.toml");
        }
    }
}
