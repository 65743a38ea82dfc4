//! Tokens: who a player is, or what an observer may watch, signed. Opaque to everybody but this file.
//!
//! base64url of player or session (16 bytes), issue and expiry (8 each, Unix seconds of lived time), nonce (8), kind (1), HMAC-SHA256
//! of those (32).

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use uuid::Uuid;

use super::error::SessionError;

use crate::model::{Keys, Nonce, PlayerId, SessionId};

/// Seconds a token is good for: 90 days.
pub const LIFE_SECS: i64 = 90 * 24 * 3600;

const CLAIMS: usize = 41;
const LENGTH: usize = CLAIMS + 32;
/// The kinds.
const PLAYER: u8 = 1;
const OBSERVER: u8 = 2;

/// A signed token. It has no `Display`, and its `Debug` shows nothing: it must not end up in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    text: String,
    expires_at: Timestamp,
}

impl Token {
    /// The text, for the one who owns it.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// When it is no longer good, in lived time.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// Whom a token lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bearer {
    /// A player, to all that is theirs.
    Player(PlayerId),
    /// Anybody who has it, to watch this session.
    Observer(SessionId),
}

/// What a good token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Who.
    pub bearer: Bearer,
    /// Which of their tokens.
    pub nonce: Nonce,
    /// Whether it is past half its life, or signed with the previous key, and should be renewed.
    pub ageing: bool,
}

impl Claims {
    /// The player. An observer's token is for nothing else.
    pub fn player(&self) -> Result<PlayerId, SessionError> {
        match self.bearer {
            Bearer::Player(player) => Ok(player),
            Bearer::Observer(_) => Err(SessionError::OnlyWatches),
        }
    }
}

/// A token that is forged, damaged, expired or revoked; which is nobody's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadToken;

/// Signs tokens with the server's key, and checks them with that and the one before.
#[derive(Clone)]
pub struct Signer {
    current: Hmac<Sha256>,
    previous: Option<Hmac<Sha256>>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

impl Signer {
    /// With the server's keys.
    pub fn new(keys: &Keys) -> Self {
        // HMAC takes keys of every length.
        #[allow(clippy::unwrap_used)]
        let hmac = |key: &String| Hmac::new_from_slice(key.as_bytes()).unwrap();
        Self { current: hmac(&keys.current), previous: keys.previous.as_ref().map(hmac) }
    }

    /// A token, good from now on.
    pub fn sign(&self, bearer: Bearer, nonce: Nonce, now: Timestamp) -> Token {
        let (id, kind) = match bearer {
            Bearer::Player(player) => (player.0, PLAYER),
            Bearer::Observer(session) => (session.0, OBSERVER),
        };
        let issued = now.as_second();
        let expiry = issued + LIFE_SECS;
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend_from_slice(id.as_bytes());
        bytes.extend_from_slice(&issued.to_be_bytes());
        bytes.extend_from_slice(&expiry.to_be_bytes());
        bytes.extend_from_slice(&nonce.0.to_be_bytes());
        bytes.push(kind);
        let mac = self.current.clone().chain_update(&bytes).finalize().into_bytes();
        bytes.extend_from_slice(&mac);
        let expires_at = Timestamp::from_second(expiry).unwrap_or(Timestamp::MAX);
        Token { text: BASE64_URL_SAFE_NO_PAD.encode(bytes), expires_at }
    }

    /// What a token says, if it is ours and has not expired. Whether it has been revoked [`super::tokens`] knows.
    pub fn check(&self, text: &str, now: Timestamp) -> Result<Claims, BadToken> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| BadToken)?;
        let bytes: [u8; LENGTH] = bytes.try_into().map_err(|_| BadToken)?;
        let (claims, mac) = bytes.split_at(CLAIMS);
        // Compares in constant time.
        let signed = |key: &Hmac<Sha256>| key.clone().chain_update(claims).verify_slice(mac).is_ok();
        let current = signed(&self.current);
        if !current && !self.previous.as_ref().is_some_and(signed) {
            return Err(BadToken);
        }
        let eight = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&claims[at..at + 8]);
            bytes
        };
        let (issued, expiry) = (i64::from_be_bytes(eight(16)), i64::from_be_bytes(eight(24)));
        let now = now.as_second();
        if now >= expiry {
            return Err(BadToken);
        }
        let mut id = [0; 16];
        id.copy_from_slice(&claims[..16]);
        let id = Uuid::from_bytes(id);
        let bearer = match claims[40] {
            PLAYER => Bearer::Player(PlayerId(id)),
            OBSERVER => Bearer::Observer(SessionId(id)),
            _ => return Err(BadToken),
        };
        let nonce = Nonce(u64::from_be_bytes(eight(32)));
        Ok(Claims { bearer, nonce, ageing: !current || now - issued > LIFE_SECS / 2 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).expect("a time in range")
    }

    fn signer(current: &str, previous: Option<&str>) -> Signer {
        Signer::new(&Keys {
            version: 2,
            current: current.to_owned(),
            previous: previous.map(str::to_owned),
            challenge: None,
            revocations: false,
        })
    }

    fn token(signer: &Signer) -> Token {
        signer.sign(Bearer::Player(PlayerId::fresh()), Nonce::first(), at(0))
    }

    #[test]
    fn a_token_is_good_for_ninety_days_and_ages_at_half() {
        let signer = signer("key", None);
        for bearer in [Bearer::Player(PlayerId::fresh()), Bearer::Observer(SessionId(Uuid::now_v7()))] {
            let nonce = Nonce::first().next();
            let token = signer.sign(bearer, nonce, at(0));
            let young = Claims { bearer, nonce, ageing: false };
            assert_eq!(signer.check(token.reveal(), at(0)), Ok(young));
            assert_eq!(signer.check(token.reveal(), at(LIFE_SECS / 2)), Ok(young));
            assert_eq!(signer.check(token.reveal(), at(LIFE_SECS / 2 + 1)), Ok(Claims { ageing: true, ..young }));
            assert_eq!(signer.check(token.reveal(), token.expires_at()), Err(BadToken));
            assert_eq!(token.expires_at(), at(LIFE_SECS));
        }
    }

    #[test]
    fn a_changed_token_is_bad() {
        let signer = signer("key", Some("older"));
        let token = token(&signer);
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
    }

    #[test]
    fn one_previous_key_is_accepted() {
        let token = token(&signer("first", None));
        let check = |current, previous| signer(current, previous).check(token.reveal(), at(0));
        assert_eq!(check("first", None).map(|claims| claims.ageing), Ok(false));
        assert_eq!(check("second", Some("first")).map(|claims| claims.ageing), Ok(true), "it is to be renewed");
        assert_eq!(check("third", Some("second")), Err(BadToken));
        assert_eq!(check("second", None), Err(BadToken));
    }

    #[test]
    fn nonces_are_numbered() {
        let [first, second] = [Nonce::first(), Nonce::first()];
        assert!(first != second && !first.follows(second) && !second.follows(first));
        assert!(first.next().follows(second) && !second.follows(first.next()));
        let last = Nonce(u64::MAX);
        assert!(!last.next().follows(last) && last.next().follows(first), "it never begins anew");
    }

    #[test]
    fn neither_a_token_nor_a_nonce_shows_in_debug_output() {
        let signer = signer("key", None);
        let token = token(&signer);
        let claims = signer.check(token.reveal(), at(0)).expect("a good token");
        assert_eq!(format!("{token:?} {:?} {signer:?}", claims.nonce), "Token Nonce Signer");
        assert!(format!("{claims:?}").contains("nonce: Nonce,"), "{claims:?}");
    }
}
