//! The daily challenge: one seed a day for all.

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

use super::SessionError;
use crate::game::rng::MAX_SEED;
use crate::store::board::Day;
use crate::store::model::Keys;

/// The key of the challenges. It never changes, because past days must keep their seeds.
#[derive(Clone)]
pub struct Secret(Hmac<Sha256>);

impl Secret {
    /// Of the server's keys.
    pub fn new(keys: &Keys) -> Self {
        let key = keys.challenge.as_deref().unwrap_or_default();
        // HMAC takes keys of every length.
        #[allow(clippy::unwrap_used)]
        let hmac = Hmac::new_from_slice(key.as_bytes()).unwrap();
        Self(hmac)
    }

    fn sign(&self, what: &str) -> [u8; 32] {
        self.0.clone().chain_update(what.as_bytes()).finalize().into_bytes().into()
    }

    /// The seed of a day: nobody who knows other days' can tell.
    pub fn seed(&self, day: Day) -> u64 {
        let mac = self.sign(&format!("daily challenge:{day}"));
        mac.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte)) & MAX_SEED
    }
}

/// Whether the seed of a day may be told.
pub(super) fn over(day: Day, now: Timestamp) -> Result<(), SessionError> {
    let ends_at = day.ends_at();
    if day.over(now) {
        return Ok(());
    }
    let retry_after = ends_at.duration_since(now).as_secs() + 1;
    Err(SessionError::ChallengeRunning { ends_at, retry_after })
}
