//! Which ways of earning a planner uses.

/// The ways of earning that a planner uses.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // The names say it.
pub struct Strategies {
    pub trade: bool,
    pub quests: bool,
    pub fights: bool,
    pub mining: bool,
    pub salvage: bool,
    pub scans: bool,
}

impl Strategies {
    /// None of them.
    pub const NONE: Self =
        Self { trade: false, quests: false, fights: false, mining: false, salvage: false, scans: false };
    /// All of them.
    pub const ALL: Self = Self { trade: true, quests: true, fights: true, mining: true, salvage: true, scans: true };
}
