//! What a game will be remembered for.

use super::step::Step;
use crate::game::content::{Content, Measure};
use crate::game::event::Event;
use crate::game::state::{End, Game};

/// A figure of a game as it stands.
fn figure(game: &Game, content: &Content, measure: Measure) -> i64 {
    let statistics = &game.statistics;
    match measure {
        Measure::TotalDistanceTraveled => statistics.total_distance_traveled,
        Measure::SystemsVisited => statistics.systems_visited,
        Measure::RegionsVisited => {
            let seen = |nodes: std::ops::Range<usize>| game.places[nodes].iter().any(|place| place.visited);
            game.map.regions.iter().filter(|region| seen(region.nodes.clone())).count() as i64
        }
        Measure::ItemsCollected => statistics.items_collected,
        Measure::CreditsEarned => statistics.credits_earned,
        Measure::ShipsDestroyed => statistics.ships_destroyed,
        Measure::PodUses => statistics.pod_uses,
        Measure::QuestsCompleted => statistics.quests_completed,
        Measure::QuestsFailed => statistics.quests_failed,
        Measure::ChainsCompleted => statistics.chains_completed,
        Measure::Scans => statistics.scans,
        Measure::UnitsMined => statistics.units_mined,
        Measure::WrecksSearched => statistics.wrecks_searched,
        Measure::UnitsSold => statistics.units_sold,
        Measure::EventsAnswered => statistics.events_answered,
        Measure::FightsFled => statistics.fights_fled,
        Measure::FightsTalkedDown => statistics.fights_talked_down,
        Measure::ShipsBought => statistics.ships_bought,
        Measure::Modules => game.mods.len() as i64,
        Measure::Augmentations => game.pod.as_ref().map_or(0, |pod| pod.augmentations.len() as i64),
        Measure::KindsHeld => game.cargo.iter().filter(|stack| content.items[stack.item].base_value > 0).count() as i64,
        Measure::Wealth => game.wealth,
        Measure::Hull => game.hull,
        Measure::Turn => game.turn,
    }
}

impl Step<'_> {
    /// Adds what was achieved by this action, its end included.
    pub(super) fn remember(&mut self) {
        let content = self.content;
        let won = self.game.end == Some(End::Victory);
        for (ix, achievement) in content.achievements.iter() {
            if achievement.won && !won || self.game.achievements.contains(&ix) {
                continue;
            }
            let figure = figure(self.game, content, achievement.measure);
            if achievement.least.is_none_or(|least| figure >= least)
                && achievement.most.is_none_or(|most| figure <= most)
            {
                self.game.achievements.push(ix);
                let id = content.achievements.id(ix).to_owned();
                self.say(Event::Achieved { achievement: id, name: achievement.name.clone() });
            }
        }
    }
}
