//! What a world is sketched for, which need not be what is flown now.

use super::observation::Observation;
use crate::game::content::{Content, Mod, ModEffects};
use crate::game::stats::Stats;
use crate::game::table::Ix;

/// A hull with modules.
#[derive(Clone, Debug)]
pub struct Fit {
    pub mods: Vec<Ix<Mod>>,
    pub stats: Stats,
}

impl Fit {
    /// What is flown now.
    pub fn present(obs: &Observation<'_>) -> Self {
        Self { mods: obs.mods().to_vec(), stats: obs.stats() }
    }

    /// Whether a module has an effect.
    pub fn has(&self, content: &Content, effect: impl Fn(&ModEffects) -> bool) -> bool {
        self.mods.iter().any(|fitted| effect(&content.mods[*fitted].effects))
    }
}
