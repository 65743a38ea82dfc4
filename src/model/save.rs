//! Saves: a game as it stood, and how it came to that. The same in a slot and in an exported file.
//!
//! Nothing in a file that a client sends is believed: it must read, fit the content, and be where its own history leads to.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;

use jiff::Timestamp;
use serde::de::{DeserializeOwned, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_ignored::Path;
use serde_json::Value;
use uuid::Uuid;

use super::checkpoint::Checkpoint;
use super::format::{self, Kind, VERSION};
use super::game::{self, InvalidState, Map, State};
use super::replay::{Refusal, Replay, Unproven};
use super::strict::{self, Strict};
use super::turn::{Beginning, Change, Loaded, Step, Turn};
use crate::game::RULES_VERSION;
use crate::game::content::Content;
use crate::game::state::Game;

/// The slot that shows the game last played.
pub const AUTOSAVE: u8 = 0;
/// The slots that can be written.
pub const SLOTS: RangeInclusive<u8> = 1..=4;
/// Actions of a game that is saved. Most have some three hundred; it is half a megabyte.
pub const MAX_STEPS: usize = 4_096;
/// Values in a file that a client brings: ten for each action, and some ten thousand of the map.
const MAX_VALUES: usize = 1 << 17;
/// Members of a file that one of its readers does not know, which the other must.
const MAX_FOREIGN: usize = 64;

/// A save. An exported file has no owner, and a seal.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Save {
    pub version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Uuid>,
    /// The idempotency key of its import; not in files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported_with: Option<Beginning>,
    /// The session it was saved from.
    pub session_id: Uuid,
    pub name: String,
    pub created_at: Timestamp,
    pub saved_at: Timestamp,
    /// Of the session, when it was saved.
    pub revision: u64,
    /// Version of the rules it was played under last.
    pub rules: u32,
    /// Hash of the content it plays on.
    pub content: String,
    /// Where the player is.
    pub place: String,
    #[serde(flatten)]
    pub state: State,
    pub star_map: Map,
    /// From the beginning of the game.
    pub history: Vec<Step>,
    /// Made by the server that exported it, over everything else. It proves what nobody can play again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<String>,
}

/// A save without its state, as a file that a client brings is read. The state is read by itself, so that nothing is put aside until
/// its type is known.
#[derive(Deserialize)]
struct Frame {
    #[serde(default)]
    owner: Option<Uuid>,
    session_id: Uuid,
    name: String,
    created_at: Timestamp,
    saved_at: Timestamp,
    revision: u64,
    rules: u32,
    content: String,
    place: String,
    star_map: Map,
    #[serde(deserialize_with = "steps")]
    history: Vec<Step>,
    #[serde(default)]
    seal: Option<String>,
}

impl Save {
    /// A session's game as it stands.
    pub fn of(checkpoint: Checkpoint, history: Vec<Step>, now: Timestamp) -> Self {
        Self {
            version: VERSION,
            owner: Some(checkpoint.owner),
            imported_with: None,
            session_id: checkpoint.session_id,
            name: checkpoint.name,
            created_at: checkpoint.created_at,
            saved_at: now,
            revision: checkpoint.revision,
            rules: checkpoint.rules,
            content: checkpoint.content,
            place: checkpoint.place,
            state: checkpoint.state,
            star_map: checkpoint.star_map,
            history,
            seal: None,
        }
    }

    /// The line of history that tells that it took the place of a session's game.
    pub fn loaded(self, slot: u8, revision: u64, at: Timestamp) -> Turn {
        Turn {
            version: VERSION,
            revision,
            at,
            digest: self.state.digest(&self.star_map.digest()),
            rules: self.rules,
            content: self.content,
            deed: Change::Loaded {
                loaded: Loaded { slot, name: self.name, saved_at: self.saved_at, history: self.history },
            },
            key: None,
        }
    }

    /// What it takes to play it again.
    pub fn replay(&self) -> Replay {
        Replay {
            version: self.version,
            name: self.name.clone(),
            content: self.content.clone(),
            seed: self.state.seed,
            difficulty: self.state.difficulty,
            history: self.history.clone(),
        }
    }

    /// As a file says it: without its owner, and with no other count than that of its own actions. How far the session had come it was
    /// taken from nobody could prove.
    pub fn exported(self) -> Self {
        Self { owner: None, imported_with: None, revision: self.history.len() as u64, ..self }
    }

    /// Whether a file counts its actions right.
    pub fn check_count(&self) -> Result<(), Refusal> {
        let count = self.history.len() as u64;
        if self.revision == count {
            return Ok(());
        }
        Err(Refusal::Invalid(format!("its revision is {}, and its history has {count} actions", self.revision)))
    }

    /// The game in it, if it makes sense.
    pub fn restore(&self, content: &Content) -> Result<Game, InvalidState> {
        game::restore(&self.star_map, &self.state, content)
    }

    /// Reads what a client sends: the form only. [`Self::prove`] must follow.
    pub fn read(file: &[u8]) -> Result<Self, Refusal> {
        let file = without_mark(file);
        few_values(file)?;
        let Versioned { version } = parse(file)?;
        if version == VERSION {
            return Self::assemble(file);
        }
        let value: Value = format::read_value(Kind::Save, parse(file)?).map_err(invalid)?;
        Self::assemble(&serde_json::to_vec(&value).expect("values always serialize"))
    }

    /// Reads the two parts of it. What neither knows is no part of a save.
    fn assemble(file: &[u8]) -> Result<Self, Refusal> {
        let (frame, foreign) = part::<Frame>(file)?;
        let (state, rest) = part::<State>(file)?;
        if let Some(member) = foreign.iter().find(|member| rest.contains(*member) && *member != "version") {
            return Err(unknown(member));
        }
        let Frame { owner, session_id, name, created_at, saved_at, revision, .. } = frame;
        let Frame { rules, content, place, star_map, history, seal, .. } = frame;
        let version = VERSION;
        Ok(Self {
            version,
            owner,
            imported_with: None,
            session_id,
            name,
            created_at,
            saved_at,
            revision,
            rules,
            content,
            place,
            state,
            star_map,
            history,
            seal,
        })
    }

    /// What a seal is made over: a file as a client brings it, however it is written, without the seal.
    pub fn sealed_part(file: &[u8]) -> Result<Vec<u8>, Refusal> {
        let file = without_mark(file);
        few_values(file)?;
        let mut value: Value = parse(file)?;
        if let Value::Object(members) = &mut value {
            members.remove("seal");
        }
        let mut bytes = Vec::new();
        write_plainly(&value, &mut bytes);
        Ok(bytes)
    }

    /// Whether the save is what it says: every id known, every figure in its range, and its state the one its history leads to.
    /// Under older rules that nobody can replay any more, ranges must do where a seal holds, or the save never left the server.
    pub fn prove(&self, content: &Content, sealed: bool) -> Result<(), Refusal> {
        if self.rules == 0 || self.rules > RULES_VERSION {
            return Err(Refusal::Invalid(format!("there are no rules {} here", self.rules)));
        }
        let game = self.restore(content)?;
        if self.place != game::whereabouts(&game) {
            return Err(Refusal::Invalid("the player is not where it says".to_owned()));
        }
        let replayed = match self.replay().verify(content, |_, _, _| {}) {
            Err(Unproven::Unverifiable { rules, .. }) if rules < RULES_VERSION && sealed => return Ok(()),
            replayed => replayed?,
        };
        if replayed.map != game.map {
            return Err(Refusal::Invalid("the star map is not the one its seed makes".to_owned()));
        }
        if replayed != game {
            let problem = "the state is not the one its history leads to".to_owned();
            return Err(Unproven::Diverged { turn: self.history.len() + 1, problem }.into());
        }
        Ok(())
    }
}

/// Without the byte order mark that editors put before a text.
fn without_mark(file: &[u8]) -> &[u8] {
    file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file)
}

fn invalid(error: impl ToString) -> Refusal {
    Refusal::Invalid(error.to_string())
}

fn unknown(member: &str) -> Refusal {
    Refusal::Invalid(format!("{member:?} is not part of a save"))
}

fn parse<T: DeserializeOwned>(file: &[u8]) -> Result<T, Refusal> {
    strict::from_slice(file).map_err(invalid)
}

/// What is read of a file first.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// Whether a file has so few values that what is made of it in memory is not much larger than the file.
fn few_values(file: &[u8]) -> Result<(), Refusal> {
    let (mut values, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in file {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b',' | b'[' | b'{' if !in_text => values += 1,
            _ => {}
        }
    }
    if values > MAX_VALUES { Err(Refusal::Invalid("it has more values than any save".to_owned())) } else { Ok(()) }
}

/// A part of a file, and the members of the file that are not of it.
fn part<T: DeserializeOwned>(file: &[u8]) -> Result<(T, BTreeSet<String>), Refusal> {
    let (mut foreign, mut wrong) = (BTreeSet::new(), None);
    let mut reader = serde_json::Deserializer::from_slice(file);
    let read = serde_ignored::deserialize(Strict(&mut reader), |path| match path {
        Path::Map { parent: Path::Root, key } if foreign.len() < MAX_FOREIGN => drop(foreign.insert(key)),
        Path::Map { key, .. } => wrong = wrong.take().or(Some(key)),
        other => wrong = wrong.take().or(Some(other.to_string())),
    });
    let read = read.map_err(invalid)?;
    reader.end().map_err(invalid)?;
    match wrong {
        Some(member) => Err(unknown(&member.chars().take(64).collect::<String>())),
        None => Ok((read, foreign)),
    }
}

/// The actions of a save, as many as it can have.
fn steps<'de, D: Deserializer<'de>>(reader: D) -> Result<Vec<Step>, D::Error> {
    struct Steps;
    impl<'de> Visitor<'de> for Steps {
        type Value = Vec<Step>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "at most {MAX_STEPS} actions")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<Vec<Step>, A::Error> {
            let mut steps = Vec::new();
            while let Some(step) = members.next_element()? {
                if steps.len() == MAX_STEPS {
                    return Err(A::Error::custom(format!(
                        "it has more than {MAX_STEPS} actions, the most that are taken"
                    )));
                }
                steps.push(step);
            }
            Ok(steps)
        }
    }
    reader.deserialize_seq(Steps)
}

/// Writes JSON so that it does not depend on what wrote it before: members by name, whole numbers as such, no spaces.
fn write_plainly(value: &Value, to: &mut Vec<u8>) {
    match value {
        Value::Array(members) => {
            to.push(b'[');
            for member in members {
                write_plainly(member, to);
                to.push(b',');
            }
            to.push(b']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            to.push(b'{');
            for (name, member) in members {
                to.extend(Value::from(name.as_str()).to_string().as_bytes());
                to.push(b':');
                write_plainly(member, to);
                to.push(b',');
            }
            to.push(b'}');
        }
        // JavaScript writes 110.0 as 110. Beyond this, numbers of its are not whole any more.
        Value::Number(number) if number.as_f64().is_some_and(|float| float.fract() == 0.0 && float.abs() < 9e15) => {
            to.extend(format!("{}", number.as_f64().unwrap_or_default() as i64).as_bytes());
        }
        other => to.extend(other.to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_writes_a_file_anew_seals_the_same() {
        let sealed = |text: &str| Save::sealed_part(text.as_bytes()).expect("JSON");
        let one = sealed(r#"{"a":[1,2.5,"x\"y"],"b":{"c":110.0,"d":null},"seal":"1"}"#);
        assert_eq!(one, sealed("{ \"b\": {\"d\": null, \"c\": 110}, \"a\": [1.0, 2.50, \"x\\u0022y\"] }"));
        for other in [
            r#"{"a":[1,2.5,"x\"y"],"b":{"c":111,"d":null}}"#,
            r#"{"a":[1,2.5,"x\"y"],"b":{"c":110}}"#,
            r#"{"a":[2.5,1,"x\"y"],"b":{"c":110,"d":null}}"#,
            r#"{"a":[1,2.5,"x\"y"],"b":{"c":"110","d":null}}"#,
            r#"{"a":[1,2.5,"x\"y",{}],"b":{"c":110,"d":null}}"#,
        ] {
            assert_ne!(one, sealed(other), "{other}");
        }
    }

    #[test]
    fn a_file_of_many_small_values_is_refused_before_it_is_read() {
        for rubbish in ["{\"\":0},", "[],", "0,", "\"\","] {
            let file = format!("{{\"version\":3,\"x\":[{}0]}}", rubbish.repeat(4 << 20 >> 3));
            let refused = Save::read(file.as_bytes()).expect_err("too many");
            assert!(refused.to_string().contains("more values"), "{rubbish}: {refused}");
        }
        let text = format!("{{\"version\":3,\"name\":\"{}\\\",\"}}", "[,{".repeat(1 << 18));
        assert!(few_values(text.as_bytes()).is_ok(), "a text is one value");
    }
}
