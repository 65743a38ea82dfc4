//! How a game begins.

use std::sync::Arc;

use super::step::Step;
use crate::game::content::{Content, Difficulty};
use crate::game::map::{Node, StarMap};
use crate::game::rng::Dice;
use crate::game::state::{Game, Place, Sight, Statistics};

/// A fresh game, on its first place.
pub fn begin(content: &Content, seed: u64, difficulty: Difficulty) -> Game {
    let mut dice = Dice::new(seed);
    let map = StarMap::generate(content, &mut dice);
    let start = &content.balance.start;
    let place = |node: &Node| Place {
        sight: Sight::Unknown,
        visited: false,
        scanned: false,
        ore: node.ore,
        salvage: node.salvage,
        foes: node.foes,
        foes_turn: 0,
    };
    let mut game = Game {
        dice,
        difficulty,
        places: map.nodes.iter().map(place).collect(),
        here: map.start(content),
        map: Arc::new(map),
        wreck: false,
        health: start.health,
        wealth: content.balance.difficulty.of(difficulty).wealth,
        food: start.food,
        fuel: start.fuel,
        ship: start.ship.ix(),
        hull: content.ships[start.ship.ix()].max_hp,
        mods: Vec::new(),
        pod: None,
        cargo: Vec::new(),
        effects: Vec::new(),
        combat: None,
        event: None,
        quests: Vec::new(),
        offers: Vec::new(),
        begun: Vec::new(),
        past: Vec::new(),
        next_quest: 1,
        stocks: Vec::new(),
        turn: 0,
        free_actions: 0,
        end: None,
        statistics: Statistics::default(),
        achievements: Vec::new(),
    };
    let here = game.here;
    Step::new(&mut game, content).arrive(here);
    game
}
