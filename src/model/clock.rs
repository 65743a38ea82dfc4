//! What the server makes of its clock, over restarts.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::challenge::Day;

/// What the server makes of its clock, over restarts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Clock {
    pub version: u32,
    /// What the wall's clock showed when this was written.
    pub wall: Timestamp,
    /// Lived time then. It began as what the wall showed, and goes on by what the server has seen pass, whatever is done to the
    /// clock: so whatever has an age is stamped with it.
    pub lived: Timestamp,
    /// Seconds that the wall's clock was still to hold then before days are believed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unsettled_secs: u64,
    /// Days of which no challenge counts any more, because their seed was told, or who began them is forgotten.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub closed: BTreeSet<Day>,
    /// So are all up to this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_to: Option<Day>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
