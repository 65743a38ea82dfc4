//! The key of the challenges: it draws their seeds, and seals the entries of boards and the saves that players take with them.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::game::content::Content;
use crate::game::rng::MAX_SEED;
use crate::hex::hex;
use crate::model::{BoardName, Claim, Day, Entry, Keys, Refusal, Save, Unproven};

/// The key of the challenges. It never changes, because past days must keep their seeds.
#[derive(Clone)]
pub struct ChallengeKey(Hmac<Sha256>);

impl ChallengeKey {
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

    /// What tells this folder from others, for as long as it has its keys. It tells nothing of them.
    pub fn mark(&self) -> String {
        hex(&self.sign("mark")[..4])
    }

    /// The seed of a day: nobody who knows other days' can tell.
    pub fn seed(&self, day: Day) -> u64 {
        let mac = self.sign(&format!("daily challenge:{day}"));
        mac.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte)) & MAX_SEED
    }

    /// A save for a file, under this server's seal: proof that it was not changed, also under later rules.
    pub fn seal_save(&self, save: Save) -> Save {
        let save = Save { owner: None, seal: None, ..save };
        let file = serde_json::to_vec(&save).expect("stored types have string keys only, so they always serialize");
        Save { seal: self.save_seal(&file), ..save }
    }

    /// Whether this server has sealed what a file says.
    pub fn has_sealed(&self, file: &[u8], seal: &str) -> bool {
        self.save_seal(file).is_some_and(|own| own.as_bytes().ct_eq(seal.as_bytes()).into())
    }

    fn save_seal(&self, file: &[u8]) -> Option<String> {
        // One that is too large to be brought back needs none.
        let said = Save::sealed_part(file).ok()?;
        let hmac = self.0.clone().chain_update(b"exported save:").chain_update(said);
        Some(hex(&hmac.finalize().into_bytes()))
    }

    /// The seal of an entry of a board.
    pub(super) fn seal(&self, claim: &Claim) -> String {
        // Not the stored form, which a later version may write in another way.
        let Claim { date, difficulty, player, session_id, name, score, won, end, .. } = claim;
        let Claim { turns, wealth, revision, digest, rules, content, finished_at, .. } = claim;
        let difficulty = BoardName::word(*difficulty);
        hex(&self.sign(&format!(
            "leaderboard entry:{date}\n{difficulty}\n{player}\n{session_id}\n{name}\n{score}\n{won}\n{end}\n{turns}\n{wealth}\n\
             {revision}\n{digest}\n{rules}\n{content}\n{finished_at}"
        )))
    }

    /// Whether an entry of a board is what it says, and whether it could be played again: under older rules, or on content that is
    /// gone, the seal of the server that saw its end must do.
    pub fn examine(&self, name: BoardName, entry: &Entry, content: Option<&Content>) -> Result<bool, Refusal> {
        if entry.board() != name {
            return Err(Refusal::Invalid(format!("it is one of {}", entry.board())));
        }
        let missing = || Unproven::ContentMissing { content: entry.claim.content.clone() }.into();
        let proven = content.ok_or_else(missing);
        let proven = proven.and_then(|content| entry.prove(content, self.seed(entry.claim.date)));
        let verified = match proven {
            Ok(()) => true,
            Err(Refusal::Unproven(Unproven::Unverifiable { .. } | Unproven::ContentMissing { .. })) => false,
            Err(refusal) => return Err(refusal),
        };
        if entry.seal == self.seal(&entry.claim) {
            return Ok(verified);
        }
        Err(Refusal::Invalid("its seal is not this server's".to_owned()))
    }
}
