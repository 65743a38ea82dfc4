//! Effective stats: what a ship can really do, from hull, modules, pod and what lasts a while. One pure function, used by
//! every rule and every view.

use super::content::{Content, Slot};
use super::state::Game;

/// What the ship, or the pod once it has ejected, can do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stats {
    /// Hull points; 0 in the pod, which has its own.
    pub max_hp: i64,
    /// Pod hull points; 0 without a pod.
    pub pod_max_hp: i64,
    /// Weight units.
    pub cargo_capacity: i64,
    /// Weight units, quest cargo included.
    pub used_cargo_space: i64,
    /// Multiplies the fuel of a move.
    pub fuel_efficiency: f64,
    /// Relative to a standard hull.
    pub speed: f64,
    /// Damage of an ordinary hit.
    pub combat_power: i64,
    /// Multiplies what is mined.
    pub mining_yield: f64,
    /// Added to the chance to salvage.
    pub salvage_chance: f64,
    /// Improves the chance of a find.
    pub scan_bonus: f64,
    /// Added to the chance to hit.
    pub accuracy: f64,
    /// Hull points healed a turn.
    pub hull_repair: i64,
    /// Hull points of the buffers in front of the hull.
    pub shield: i64,
    /// Modules that shoot.
    pub weapons: usize,
}

impl Stats {
    /// Of a game as it stands.
    pub fn of(game: &Game, content: &Content) -> Self {
        let ship = &content.ships[game.ship];
        let mut stats = Self {
            max_hp: ship.max_hp,
            pod_max_hp: 0,
            cargo_capacity: ship.cargo_capacity,
            used_cargo_space: used(game, content),
            fuel_efficiency: ship.fuel_efficiency,
            speed: ship.speed,
            combat_power: content.balance.combat.base_power,
            mining_yield: 1.0,
            salvage_chance: 0.0,
            scan_bonus: 1.0,
            accuracy: 0.0,
            hull_repair: 0,
            shield: game.effects.iter().filter(|effect| effect.duration > 0).map(|effect| effect.shield).sum(),
            weapons: 0,
        };
        if game.in_pod() {
            stats.max_hp = 0;
            stats.cargo_capacity = content.pod.cargo_capacity;
            stats.fuel_efficiency = content.pod.fuel_efficiency;
            stats.speed = content.pod.speed;
        }
        for fitted in &game.mods {
            let effects = &content.mods[*fitted].effects;
            stats.max_hp += effects.max_hp;
            stats.cargo_capacity += effects.cargo_capacity;
            stats.combat_power += effects.combat_power;
            stats.hull_repair += effects.hull_repair;
            stats.speed += effects.speed.unwrap_or(0.0);
            stats.salvage_chance += effects.salvage_chance.unwrap_or(0.0);
            stats.accuracy += effects.accuracy.unwrap_or(0.0);
            stats.fuel_efficiency *= effects.fuel_efficiency.unwrap_or(1.0);
            stats.mining_yield *= effects.mining_yield.unwrap_or(1.0);
            stats.scan_bonus *= effects.scan_bonus.unwrap_or(1.0);
            stats.weapons += usize::from(effects.combat_power > 0);
        }
        if let Some(pod) = &game.pod {
            stats.pod_max_hp = content.pod.hp;
            for fitted in &pod.augmentations {
                let effects = &content.augmentations[*fitted].effects;
                stats.pod_max_hp += effects.pod_max_hp;
                stats.fuel_efficiency *= effects.fuel_efficiency.unwrap_or(1.0);
                stats.scan_bonus *= effects.scan_bonus.unwrap_or(1.0);
                if !pod.ejected {
                    stats.max_hp += effects.max_hp;
                }
            }
        }
        stats
    }

    /// Weight units free.
    pub fn free_cargo(&self) -> i64 {
        (self.cargo_capacity - self.used_cargo_space).max(0)
    }

    /// The fuel of a move between neighbours.
    pub fn move_fuel(&self, content: &Content) -> i64 {
        whole(content.balance.travel.fuel as f64 * self.fuel_efficiency)
    }

    /// The fuel of a jump from where the game stands.
    pub fn jump_fuel(&self, game: &Game, content: &Content) -> i64 {
        content.nodes[game.node().kind].jump_fuel.unwrap_or_else(|| self.usual_jump_fuel(content))
    }

    /// The fuel of a jump from a place that has no price of its own.
    pub fn usual_jump_fuel(&self, content: &Content) -> i64 {
        whole(content.balance.travel.jump_fuel as f64 * self.fuel_efficiency.min(1.0))
    }
}

/// Fuel is burnt in whole units, and never none.
fn whole(fuel: f64) -> i64 {
    (libm::round(fuel) as i64).max(1)
}

fn used(game: &Game, content: &Content) -> i64 {
    let cargo: i64 = game.cargo.iter().map(|stack| stack.quantity * content.items[stack.item].weight).sum();
    let quests: i64 = game.quests.iter().map(|quest| quest.weight).sum();
    cargo + quests
}

/// Modules fitted in one kind of slot.
pub fn fitted(game: &Game, content: &Content, slot: Slot) -> usize {
    game.mods.iter().filter(|fitted| content.mods[**fitted].slot == slot).count()
}

/// Whether a fitted module has an effect, as a mining laser has a yield.
pub fn fitted_with(game: &Game, content: &Content, has: impl Fn(&super::content::ModEffects) -> bool) -> bool {
    game.mods.iter().any(|fitted| has(&content.mods[*fitted].effects))
}
