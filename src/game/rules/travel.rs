//! Moves between places and regions, and arriving.

use super::plan::{Act, Ask, Plan};
use super::step::Step;
use crate::game::action::{ActionError, Code, refuse};
use crate::game::content::Content;
use crate::game::event::{Event, Reason};
use crate::game::map::StarMap;
use crate::game::rng::Stream;
use crate::game::state::{Game, Sight};

pub(super) fn plan_navigate(ask: &Ask<'_>, id: &str) -> Result<Plan, ActionError> {
    let Ask { game, content, stats } = ask;
    // A place that is not on the player's map is answered like one that does not exist.
    let known = game.map.find_node(id).filter(|node| game.places[*node].sight > Sight::Unknown);
    let Some(node) = known else {
        return refuse(Code::UnknownNode, "No such place is on your map. Travel or scan to learn of more.");
    };
    if !game.map.ways(game.here).any(|near| near == node) {
        return refuse(Code::NotConnected, "No route leads there from here. Go by way of a neighbour.");
    }
    Ok(Plan::new(Act::Navigate(node)).fuel(stats.move_fuel(content)).turn().odds(quiet_chance(game, content, node)))
}

/// The chance to arrive unhurt and unmet.
fn quiet_chance(game: &Game, content: &Content, node: usize) -> f64 {
    if game.in_pod() {
        return 1.0 - content.pod.damage_chance;
    }
    let danger = game.map.nodes[node].danger;
    let hazard = content.balance.difficulty.of(game.difficulty).hazard * danger;
    let encounter = content.balance.travel.encounter * danger;
    (1.0 - hazard) * (1.0 - encounter)
}

pub(super) fn plan_jump(ask: &Ask<'_>, id: &str) -> Result<Plan, ActionError> {
    let Ask { game, content, stats } = ask;
    let Some(region) = game.map.find_region(id).filter(|region| game.knows_region(*region)) else {
        return refuse(
            Code::UnknownRegion,
            "No such region is on your map. Jump to a neighbouring one to learn of more.",
        );
    };
    if !game.map.regions[game.region()].connections.contains(&region) {
        return refuse(Code::NotConnected, "No jump leads there from this region. Go by way of a neighbouring one.");
    }
    Ok(Plan::new(Act::Jump(region)).fuel(stats.jump_fuel(game, content)).turn())
}

impl Step<'_> {
    pub(super) fn navigate(&mut self, node: usize) {
        self.travel_to(node);
        if self.game.in_pod() {
            self.buffet_pod();
            return;
        }
        let danger = self.game.node().danger;
        let hazard = self.content.balance.difficulty.of(self.game.difficulty).hazard * danger;
        let travel = &self.content.balance.travel;
        let mut draws = self.game.dice.stream(Stream::Travel);
        let damage = draws.chance(hazard).then(|| draws.within(travel.hazard_damage));
        let met = draws.chance(travel.encounter * danger);
        let event = draws.chance(travel.event);
        if let Some(damage) = damage {
            self.damage(damage, Reason::Hazard);
        }
        // The hazard may have left a wreck, or a pod.
        if self.game.in_pod() || self.game.hull == 0 {
            return;
        }
        if met {
            self.meet();
        } else if event {
            self.happen();
        }
    }

    pub(super) fn jump(&mut self, region: usize) {
        let nodes = self.game.map.regions[region].nodes.clone();
        let first = !nodes.clone().any(|node| self.game.places[node].visited);
        let node = self.landing(nodes);
        let name = self.game.map.regions[region].name.clone();
        self.say(Event::Jumped { region: StarMap::region_id(region), name: name.into() });
        self.travel_to(node);
        if first {
            self.credits(self.content.balance.travel.jump_bonus, Reason::FirstVisit);
        }
        if self.game.in_pod() {
            self.buffet_pod();
        }
    }

    /// Where a jump ends: a known dock, else a known place, else any.
    fn landing(&mut self, nodes: std::ops::Range<usize>) -> usize {
        let Game { map, places, dice, .. } = &mut *self.game;
        let dock = nodes.clone().find(|node| places[*node].sight == Sight::Charted && map.nodes[*node].dock());
        let known = || nodes.clone().find(|node| places[*node].sight > Sight::Unknown);
        dock.or_else(known).unwrap_or_else(|| {
            // Every region has places.
            nodes.start + dice.stream(Stream::Travel).below(nodes.len() as u64) as usize
        })
    }

    fn travel_to(&mut self, node: usize) {
        let distance = self.game.map.distance(self.game.here, node);
        self.game.statistics.total_distance_traveled += libm::round(distance) as i64;
        self.arrive(node);
    }

    /// Stands at a place: it is charted, its neighbours are sighted, and a dock may have work.
    pub(super) fn arrive(&mut self, node: usize) {
        let map = self.game.map.clone();
        self.game.here = node;
        self.game.wreck = false;
        let place = &mut self.game.places[node];
        let first = !place.visited;
        place.visited = true;
        place.sight = Sight::Charted;
        self.game.statistics.systems_visited += i64::from(first);
        for near in map.ways(node) {
            self.sight(near, Sight::Sighted);
        }
        self.say(Event::Arrived {
            node: map.node_id(node),
            name: map.name(node).to_owned(),
            region: StarMap::region_id(map.nodes[node].region()),
            first,
        });
        self.reach_quest_targets();
        if map.nodes[node].dock() {
            self.post_offer();
        }
    }

    /// Raises what is known of a place; true if that was less.
    pub(super) fn sight(&mut self, node: usize, sight: Sight) -> bool {
        let place = &mut self.game.places[node];
        let better = place.sight < sight;
        place.sight = place.sight.max(sight);
        better
    }

    /// Charts places, and says which were not charted before.
    pub(super) fn chart(&mut self, nodes: impl IntoIterator<Item = usize>) {
        let mut charted = Vec::new();
        for node in nodes {
            if self.sight(node, Sight::Charted) {
                charted.push(self.game.map.node_id(node));
            }
        }
        if !charted.is_empty() {
            self.say(Event::Charted { nodes: charted });
        }
    }
}
