//! Tokens: who a player is, signed. Opaque to everybody but this file.
//!
//! base64url of player (16 bytes), issue and expiry (8 each, Unix seconds), nonce (8), kind (1), HMAC-SHA256 of those (32).

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use uuid::Uuid;

use super::PlayerId;

/// Seconds a token is good for: 90 days.
pub const LIFE_SECS: i64 = 90 * 24 * 3600;

const CLAIMS: usize = 41;
const LENGTH: usize = CLAIMS + 32;
/// The only kind so far.
const PLAYER: u8 = 1;

/// A signed token. It has no `Display`, and its `Debug` shows nothing: it must not end up in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The text, for the one who owns it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// What a good token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Who.
    pub player: PlayerId,
    /// Whether it is past half its life and should be renewed.
    pub ageing: bool,
}

/// A token that is forged, damaged or expired; which is nobody's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadToken;

/// Signs and checks tokens with the server's key.
#[derive(Clone)]
pub struct Signer(Hmac<Sha256>);

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

impl Signer {
    /// With a key of any length.
    pub fn new(key: &[u8]) -> Self {
        // HMAC takes keys of every length.
        #[allow(clippy::unwrap_used)]
        Self(Hmac::new_from_slice(key).unwrap())
    }

    /// A token for a player, good from now on.
    pub fn sign(&self, player: PlayerId, now: Timestamp) -> Token {
        let issued = now.as_second();
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend_from_slice(player.0.as_bytes());
        bytes.extend_from_slice(&issued.to_be_bytes());
        bytes.extend_from_slice(&(issued + LIFE_SECS).to_be_bytes());
        let nonce = *Uuid::new_v4().as_bytes();
        bytes.extend_from_slice(&nonce[..8]);
        bytes.push(PLAYER);
        let mac = self.0.clone().chain_update(&bytes).finalize().into_bytes();
        bytes.extend_from_slice(&mac);
        Token(BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What a token says, if it is ours and still good.
    pub fn check(&self, text: &str, now: Timestamp) -> Result<Claims, BadToken> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| BadToken)?;
        let bytes: [u8; LENGTH] = bytes.try_into().map_err(|_| BadToken)?;
        let (claims, mac) = bytes.split_at(CLAIMS);
        // Compares in constant time.
        self.0.clone().chain_update(claims).verify_slice(mac).map_err(|_| BadToken)?;
        let number = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&claims[at..at + 8]);
            i64::from_be_bytes(bytes)
        };
        let (issued, expiry, now) = (number(16), number(24), now.as_second());
        if claims[40] != PLAYER || now >= expiry {
            return Err(BadToken);
        }
        let mut player = [0; 16];
        player.copy_from_slice(&claims[..16]);
        Ok(Claims { player: PlayerId(Uuid::from_bytes(player)), ageing: now - issued > LIFE_SECS / 2 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).expect("a time in range")
    }

    #[test]
    fn a_token_is_good_for_ninety_days_and_ages_at_half() {
        let signer = Signer::new(b"key");
        let player = PlayerId::fresh();
        let token = signer.sign(player, at(0));
        let young = Claims { player, ageing: false };
        assert_eq!(signer.check(token.reveal(), at(0)), Ok(young));
        assert_eq!(signer.check(token.reveal(), at(LIFE_SECS / 2)), Ok(young));
        assert_eq!(signer.check(token.reveal(), at(LIFE_SECS / 2 + 1)), Ok(Claims { player, ageing: true }));
        assert_eq!(signer.check(token.reveal(), at(LIFE_SECS)), Err(BadToken));
    }

    #[test]
    fn a_changed_token_is_bad() {
        let signer = Signer::new(b"key");
        let token = signer.sign(PlayerId::fresh(), at(0));
        let text = token.reveal();
        for place in 0..text.len() {
            let mut changed = text.to_owned();
            let other = if &text[place..=place] == "A" { "B" } else { "A" };
            changed.replace_range(place..=place, other);
            assert_eq!(signer.check(&changed, at(0)), Err(BadToken), "character {place}");
        }
        for bad in ["", "token", &text[1..], &format!("{text}A"), &text.repeat(100)] {
            assert_eq!(signer.check(bad, at(0)), Err(BadToken));
        }
        assert_eq!(Signer::new(b"other").check(text, at(0)), Err(BadToken));
    }

    #[test]
    fn a_token_does_not_show_in_debug_output() {
        let token = Signer::new(b"key").sign(PlayerId::fresh(), at(0));
        assert_eq!(format!("{token:?}"), "Token");
    }
}
