//! What fights are worth, and the hull they take.

use super::duel::{Duel, Duels, Stakes};
use super::fit::Fit;
use super::observation::Observation;
use crate::game::content::Enemy;
use crate::game::table::Ix;

/// How many tenths of the hull there are.
pub const TENTHS: usize = 11;

/// What a fight is worth and the hull it takes, by the tenths of the hull it begins with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Odds {
    pub gain: [f64; TENTHS],
    pub hurt: [f64; TENTHS],
}

impl Odds {
    fn add(&mut self, duel: &Duel, enemy: i64, max_hull: i64, share: f64) {
        for tenth in 0..TENTHS {
            let hull = max_hull * tenth as i64 / 10;
            self.gain[tenth] += share * duel.gain(hull, enemy);
            self.hurt[tenth] += share * (hull as f64 - duel.left(hull, enemy)).max(0.0);
        }
    }

    /// With so much of the hull.
    pub fn with(&self, share: f64) -> (f64, f64) {
        let at = (libm::floor(10.0 * share) as usize).min(TENTHS - 1);
        (self.gain[at], self.hurt[at])
    }
}

/// By region: a fight with whoever roams there.
pub fn fights(obs: &Observation<'_>, duels: &mut Duels, fit: &Fit, loss: i64) -> Vec<Odds> {
    let stakes = Stakes { loss, prize: 0, flee: true, parley: obs.wealth() > 250 };
    (0..obs.region_count())
        .map(|region| {
            let mut odds = Odds::default();
            let Some(kind) = obs.region_kind(region) else {
                return Odds { gain: [-25.0; TENTHS], hurt: [15.0; TENTHS] };
            };
            let total: u32 = kind.enemies.iter().map(|prowler| prowler.weight).sum();
            for prowler in &kind.enemies {
                let enemy = prowler.enemy.ix();
                let duel = duels.duel(obs, &fit.stats, enemy, stakes);
                let share = f64::from(prowler.weight) / f64::from(total);
                odds.add(&duel, obs.content().enemies[enemy].hp, fit.stats.max_hp, share);
            }
            odds
        })
        .collect()
}

/// The fight of a bounty, beside the reward, which is booked when the work is done.
pub fn quarry(obs: &Observation<'_>, duels: &mut Duels, fit: &Fit, enemy: Ix<Enemy>, reward: i64, loss: i64) -> Odds {
    let stakes = Stakes { loss, prize: reward * 9 / 10, flee: true, parley: false };
    let mut odds = Odds::default();
    odds.add(&duels.duel(obs, &fit.stats, enemy, stakes), obs.content().enemies[enemy].hp, fit.stats.max_hp, 1.0);
    odds.gain = odds.gain.map(|gain| gain - 0.85 * reward as f64);
    odds
}

/// What the fight of a bounty is worth beside the reward, with a hull in good order.
pub fn bounty(obs: &Observation<'_>, duels: &mut Duels, enemy: Ix<Enemy>, reward: i64, loss: i64) -> f64 {
    quarry(obs, duels, &Fit::present(obs), enemy, reward, loss).with(0.9).0
}
