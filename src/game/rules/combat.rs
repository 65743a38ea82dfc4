//! Fights: looking for one, the exchange of a round, and the ways out.

use super::plan::{Act, Ask, Plan};
use super::quest::wanting;
use super::step::Step;
use super::work::foes;
use crate::game::action::{ActionError, Code, refuse};
use crate::game::content::{Content, Enemy, Move};
use crate::game::event::{Event, Reason};
use crate::game::grammar::count;
use crate::game::map::small;
use crate::game::rng::Stream;
use crate::game::state::{CombatState, Game, Quest};
use crate::game::stats::Stats;
use crate::game::table::Ix;

/// The chance that a move hits.
pub fn hit_chance(content: &Content, stats: &Stats, chosen: &Move) -> f64 {
    let combat = &content.balance.combat;
    ((combat.hit_chance + stats.accuracy) * chosen.accuracy).clamp(combat.least_chance, combat.most_chance)
}

/// The chance that the enemy hits, against a ship that defends itself so well.
pub fn enemy_hit_chance(content: &Content, stats: &Stats, enemy: &Enemy, defense: f64) -> f64 {
    let combat = &content.balance.combat;
    (enemy.accuracy / (stats.speed * defense)).clamp(combat.least_chance, combat.most_chance)
}

/// The chance to get away from it.
pub fn flee_chance(content: &Content, stats: &Stats, enemy: &Enemy) -> f64 {
    let combat = &content.balance.combat;
    (stats.speed / (combat.flee_speed * enemy.speed)).min(combat.flee_most)
}

/// The chance that who looks for a fight finds one, at a place so dangerous.
pub fn seek_chance(content: &Content, danger: f64) -> f64 {
    let seek = &content.balance.seek;
    (seek.chance + seek.danger * danger).clamp(0.0, 1.0)
}

pub(super) fn plan_seek(ask: &Ask<'_>) -> Result<Plan, ActionError> {
    let Ask { game, content, .. } = ask;
    ask.ship("fight")?;
    let plan = Plan::new(Act::SeekFight).fuel(content.balance.seek.fuel).turn();
    if quarry(game, content).is_some() {
        return Ok(plan.odds(1.0));
    }
    if foes(game, content, game.here) == 0 {
        return refuse(Code::NoFoes, "Nobody here to fight. Dangerous places have foes, and new ones come with time.");
    }
    Ok(plan.odds(seek_chance(content, game.node().danger)))
}

/// The target of an accepted bounty that waits here.
fn quarry(game: &Game, content: &Content) -> Option<Ix<Enemy>> {
    let open = |quest: &&Quest| !quest.done && quest.target == game.here && wanting(game, content, quest).is_none();
    game.quests.iter().filter(open).find_map(|quest| quest.enemy)
}

pub(super) fn plan_move(ask: &Ask<'_>, id: &str) -> Result<Plan, ActionError> {
    let Ask { content, stats, .. } = ask;
    let Some(chosen) = content.moves.find(id) else {
        return refuse(Code::UnknownMove, "There is no such combat move. The actions list has those there are.");
    };
    let def = &content.moves[chosen];
    if def.needs_targeting && stats.accuracy <= 0.0 {
        return refuse(Code::NeedsTargetingComputer, "This move takes a targeting computer. Repair docks sell them.");
    }
    if stats.weapons < def.needs_weapons {
        let needs = count(def.needs_weapons as i64, "weapon", "weapons");
        return refuse(Code::NeedsWeapons, format!("This move takes {needs}. Repair docks sell them."));
    }
    Ok(Plan::new(Act::Combat(chosen)).odds(hit_chance(content, stats, def)))
}

pub(super) fn plan_flee(ask: &Ask<'_>) -> Result<Plan, ActionError> {
    let Ask { game, content, stats } = ask;
    // The gate lets nobody flee from nothing.
    let Some(fight) = game.combat else { return refuse(Code::NotInCombat, "There is no fight.") };
    let odds = flee_chance(content, stats, &content.enemies[fight.enemy]);
    Ok(Plan::new(Act::Flee).fuel(content.balance.combat.flee_fuel).odds(odds))
}

pub(super) fn plan_negotiate(ask: &Ask<'_>) -> Result<Plan, ActionError> {
    let Ask { game, content, .. } = ask;
    let Some(fight) = game.combat else { return refuse(Code::NotInCombat, "There is no fight.") };
    let enemy = &content.enemies[fight.enemy];
    if !enemy.parleys {
        return refuse(Code::CannotNegotiate, "Nobody over there listens. Fight or flee.");
    }
    let left = fight.hp as f64 / enemy.hp as f64;
    let combat = &content.balance.combat;
    let odds = (combat.parley_chance + combat.parley_damage * (1.0 - left)).clamp(0.0, 1.0);
    let top = enemy.credits[1] as f64 * content.balance.difficulty.of(game.difficulty).enemy_credits;
    let price = (libm::round(top * left) as i64).max(1);
    Ok(Plan::new(Act::Negotiate).credits(price).odds(odds))
}

impl Step<'_> {
    pub(super) fn seek_fight(&mut self, odds: f64) {
        let here = self.game.here;
        if let Some(enemy) = quarry(self.game, self.content) {
            self.begin_fight(enemy, true);
            return;
        }
        if !self.game.dice.stream(Stream::Travel).chance(odds) {
            self.say(Event::NoFight {});
            return;
        }
        let left = foes(self.game, self.content, here) - 1;
        let place = &mut self.game.places[here];
        place.foes = small(left);
        place.foes_turn = small(self.game.turn);
        self.meet();
    }

    /// An enemy of the region, by weight.
    pub(super) fn meet(&mut self) {
        let kind = self.game.map.regions[self.game.region()].kind;
        let prowlers = &self.content.regions[kind].enemies;
        let met = self.game.dice.stream(Stream::Travel).weighted(prowlers, |prowler| prowler.weight);
        if let Some(prowler) = met {
            self.begin_fight(prowler.enemy.ix(), false);
        }
    }

    pub(super) fn begin_fight(&mut self, enemy: Ix<Enemy>, quarry: bool) {
        let def = &self.content.enemies[enemy];
        self.game.combat = Some(CombatState { enemy, hp: def.hp, round: 0, quarry });
        let id = self.content.enemies.id(enemy).to_owned();
        self.say(Event::CombatBegan { enemy: id, name: def.name.clone(), quarry });
    }

    /// Nobody fights any more; what was used for rounds is spent.
    pub(super) fn end_fight(&mut self) {
        self.game.combat = None;
        self.game.effects.retain(|effect| !effect.rounds);
    }

    pub(super) fn fight(&mut self, chosen: Ix<Move>, odds: f64) {
        let content = self.content;
        let def = &content.moves[chosen];
        let combat = &content.balance.combat;
        let power = libm::round(self.stats().combat_power as f64 * def.damage) as i64;
        let mut draws = self.game.dice.stream(Stream::Combat);
        if draws.chance(odds) {
            let damage = (power + draws.within([-combat.spread, combat.spread])).max(1);
            if self.strike(damage) {
                return;
            }
        } else {
            self.say(Event::Missed {});
        }
        self.answer(def.defense, 1.0);
    }

    /// Takes hull from the enemy; true if that ended the fight.
    fn strike(&mut self, damage: i64) -> bool {
        let Some(fight) = &mut self.game.combat else { return true };
        let def = &self.content.enemies[fight.enemy];
        let damage = damage.min(fight.hp);
        fight.hp -= damage;
        let CombatState { enemy, hp, quarry, .. } = *fight;
        self.say(Event::Hit { damage });
        if hp == 0 {
            self.win_fight(enemy, quarry);
            return true;
        }
        let scared = (hp as f64) < def.flee_threshold * def.hp as f64;
        let flees = self.content.balance.combat.enemy_flees;
        if scared && self.game.dice.stream(Stream::Combat).chance(flees) {
            self.say(Event::EnemyFled { name: def.name.clone() });
            self.end_fight();
            return true;
        }
        false
    }

    fn win_fight(&mut self, enemy: Ix<Enemy>, quarry: bool) {
        let content = self.content;
        let def = &content.enemies[enemy];
        self.say(Event::EnemyDestroyed { enemy: content.enemies.id(enemy).to_owned(), name: def.name.clone() });
        self.end_fight();
        self.game.wreck = true;
        self.game.statistics.ships_destroyed += 1;
        let mut draws = self.game.dice.stream(Stream::Loot);
        let share = content.balance.difficulty.of(self.game.difficulty).enemy_credits;
        let credits = libm::round(draws.within(def.credits) as f64 * share) as i64;
        let dropped: Vec<_> = if draws.chance(def.loot_chance) {
            let lines: Vec<_> = def.loot.iter().filter(|line| draws.chance(line.chance)).collect();
            lines.into_iter().map(|line| (line.item.ix(), draws.within(line.quantity))).collect()
        } else {
            Vec::new()
        };
        self.credits(credits, Reason::Kill);
        for (item, quantity) in dropped {
            self.gain_item(item, quantity, Reason::Kill);
        }
        if quarry {
            self.kill_quarry(enemy);
        }
    }

    /// The enemy's half of a round, and the end of it. Effects that last rounds lose one.
    pub(super) fn answer(&mut self, defense: f64, force: f64) {
        let content = self.content;
        let Some(fight) = self.game.combat else { return };
        let enemy = &content.enemies[fight.enemy];
        let combat = &content.balance.combat;
        let stats = self.stats();
        let factor = content.balance.difficulty.of(self.game.difficulty).enemy_damage * force;
        let mut draws = self.game.dice.stream(Stream::Combat);
        if draws.chance(enemy_hit_chance(content, &stats, enemy, defense)) {
            let damage = enemy.combat_power + draws.within([-combat.enemy_spread, combat.enemy_spread]);
            let damage = (libm::round(damage as f64 * factor) as i64).max(1);
            self.damage(damage, Reason::Enemy);
        } else {
            self.say(Event::EnemyMissed {});
        }
        self.fade(true);
        let Some(fight) = &mut self.game.combat else { return };
        fight.round += 1;
        if fight.round >= combat.rounds {
            self.say(Event::EnemyLeft { name: enemy.name.clone() });
            self.end_fight();
        }
    }

    pub(super) fn flee(&mut self, odds: f64) {
        let combat = &self.content.balance.combat;
        if self.game.dice.stream(Stream::Combat).chance(odds) {
            self.game.statistics.fights_fled += 1;
            self.say(Event::Fled {});
            self.end_fight();
        } else {
            self.say(Event::FleeFailed {});
            self.answer(1.0, combat.flee_damage);
        }
    }

    /// The price is on the table already; a refusal hands it back and costs the round.
    pub(super) fn negotiate(&mut self, price: i64, odds: f64) {
        if self.game.dice.stream(Stream::Combat).chance(odds) {
            self.game.statistics.fights_talked_down += 1;
            self.say(Event::Negotiated {});
            self.end_fight();
        } else {
            self.say(Event::NegotiationFailed {});
            self.credits(price, Reason::Refund);
            self.answer(1.0, 1.0);
        }
    }
}
