//! What a request depends on: `If-Match`, `If-None-Match`, and the tags they name (RFC 9110, sections 8.8.3 and 13).
//!
//! A tag names the history as much as the place in it, so that a revision of another history (of a copy of the folder, say) is not
//! taken for it. A client that sends a condition believes that it holds, so a call that has no use for one refuses it.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{ETAG, HeaderName, IF_MATCH, IF_NONE_MATCH};
use actix_web::{FromRequest, HttpRequest};

use super::code::Code;
use super::problem::Problem;
use crate::model::Save;
use crate::session::game_session::{Expected, Version};
use crate::session::saves::{SlotCheck, tag};

/// An `ETag` header.
pub fn etag(tag: impl ToString) -> (HeaderName, String) {
    (ETAG, quoted(tag))
}

fn quoted(tag: impl ToString) -> String {
    format!("\"{}\"", tag.to_string())
}

/// What a header of tags says, over all its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tags {
    /// `*`: whatever there is.
    Any,
    /// Any of these.
    List(Vec<EntityTag>),
}

/// An entity tag, without its quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityTag {
    weak: bool,
    text: String,
}

impl Tags {
    /// None where there is no such header.
    fn of(request: &HttpRequest, name: &HeaderName) -> Result<Option<Self>, Problem> {
        let lines: Vec<_> = request.headers().get_all(name).map(|line| line.to_str().unwrap_or("?")).collect();
        if lines.is_empty() {
            return Ok(None);
        }
        let bad = || {
            Problem::new(
                Code::BadHeader,
                format!(
                    "{} takes entity tags between quotes as GET gives them, such as \"12-89abcdef\", or *.",
                    if *name == IF_MATCH { "If-Match" } else { "If-None-Match" }
                ),
            )
        };
        Self::read(&lines.join(",")).map(Some).ok_or_else(bad)
    }

    fn read(text: &str) -> Option<Self> {
        if text.trim() == "*" {
            return Some(Self::Any);
        }
        let mut tags = Vec::new();
        let mut rest = text.trim_start_matches([',', ' ', '\t']);
        while !rest.is_empty() {
            let (weak, quoted) = rest.strip_prefix("W/").map_or((false, rest), |quoted| (true, quoted));
            let (text, behind) = quoted.strip_prefix('"')?.split_once('"')?;
            tags.push(EntityTag { weak, text: text.to_owned() });
            let behind = behind.trim_start_matches([' ', '\t']);
            if !behind.is_empty() && !behind.starts_with(',') {
                return None;
            }
            rest = behind.trim_start_matches([',', ' ', '\t']);
        }
        Some(Self::List(tags))
    }

    fn weakly(&self, tag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::List(tags) => tags.iter().any(|each| each.text == tag),
        }
    }

    fn strongly(&self, tag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::List(tags) => tags.iter().any(|each| !each.weak && each.text == tag),
        }
    }

    fn any_weak(&self) -> bool {
        matches!(self, Self::List(tags) if tags.iter().any(|tag| tag.weak))
    }

    fn versions(&self) -> Expected {
        let Self::List(tags) = self else { return Expected::Any };
        let version = |tag: &EntityTag| match tag.text.parse() {
            Ok(event) => Some(Version::Event(event)),
            // Programs may say the revision alone, as it stands in every answer.
            Err(_) => {
                tag.text.parse().ok().filter(|revision: &u64| revision.to_string() == tag.text).map(Version::Revision)
            }
        };
        Expected::OneOf(tags.iter().filter(|tag| !tag.weak).filter_map(version).collect())
    }
}

/// Whether the client that asks has this version already. Tags that cannot be read are those of no version.
pub fn not_modified(request: &HttpRequest, tag: &str) -> bool {
    Tags::of(request, &IF_NONE_MATCH).is_ok_and(|tags| tags.is_some_and(|tags| tags.weakly(tag)))
}

/// Refuses to show a version that the client does not want to see, by `If-Match`.
pub fn require_match(request: &HttpRequest, tag: &str) -> Result<(), Problem> {
    // Programs may say the revision alone, here as where something changes.
    let revision = tag.split_once('-').map(|(revision, _)| revision);
    let is = |tags: Tags| tags.strongly(tag) || revision.is_some_and(|revision| tags.strongly(revision));
    let matches = Tags::of(request, &IF_MATCH)?.is_none_or(is);
    if matches {
        Ok(())
    } else {
        Err(Problem::new(Code::PreconditionFailed, format!("This is another version by now: {}.", quoted(tag))))
    }
}

/// The state of a session that the client has seen last, from `If-Match`.
#[derive(Clone, Debug)]
pub struct IfMatch {
    /// As the session compares it.
    pub expected: Expected,
    weak: bool,
}

impl IfMatch {
    /// Adds to a refusal that weak tags never match, if one came.
    pub fn explain(&self, problem: Problem) -> Problem {
        let says = " A weak tag (W/) never matches here: send the strong one that GET gives without compression, or the revision \
                    alone between quotes.";
        if self.weak { problem.because(Code::StaleRevision, says) } else { problem }
    }
}

impl FromRequest for IfMatch {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let read = || {
            refuse(request, &IF_NONE_MATCH, "If-None-Match")?;
            let tags = Tags::of(request, &IF_MATCH)?;
            let weak = tags.as_ref().is_some_and(Tags::any_weak);
            Ok(Self { expected: tags.map_or(Expected::Any, |tags| tags.versions()), weak })
        };
        ready(read())
    }
}

/// What a slot must hold, from `If-Match` and `If-None-Match`.
#[derive(Clone, Debug)]
pub struct SlotCondition {
    match_: Option<Tags>,
    absent: bool,
}

impl SlotCondition {
    /// As the session asks it; none where there is no condition.
    pub fn check(self) -> Option<SlotCheck> {
        let conditional = self.match_.is_some() || self.absent;
        conditional.then(|| Box::new(move |save: Option<&Save>| self.holds(save)) as SlotCheck)
    }

    fn holds(&self, save: Option<&Save>) -> bool {
        let matches = match (&self.match_, save) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(tags), Some(save)) => tags.strongly(&tag(save)),
        };
        matches && !(self.absent && save.is_some())
    }
}

impl FromRequest for SlotCondition {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let read = || {
            let absent = match Tags::of(request, &IF_NONE_MATCH)? {
                None => false,
                Some(Tags::Any) => true,
                Some(Tags::List(_)) => {
                    return Err(Problem::new(
                        Code::BadHeader,
                        "If-None-Match takes nothing but * here: to write only into an empty slot. If-Match takes tags.",
                    ));
                }
            };
            Ok(Self { match_: Tags::of(request, &IF_MATCH)?, absent })
        };
        ready(read())
    }
}

/// A call that depends on nothing. A condition that came is refused, because it would be passed over.
#[derive(Clone, Copy, Debug)]
pub struct Unconditional;

impl FromRequest for Unconditional {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let none =
            refuse(request, &IF_MATCH, "If-Match").and_then(|()| refuse(request, &IF_NONE_MATCH, "If-None-Match"));
        ready(none.map(|()| Self))
    }
}

fn refuse(request: &HttpRequest, header: &HeaderName, name: &str) -> Result<(), Problem> {
    if !request.headers().contains_key(header) {
        return Ok(());
    }
    Err(Problem::new(
        Code::BadHeader,
        format!("{name} means nothing for this call, which would not keep to it. Send it without."),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(weak: bool, text: &str) -> EntityTag {
        EntityTag { weak, text: text.to_owned() }
    }

    #[test]
    fn tags_are_read_as_the_rfc_writes_them() {
        for (text, tags) in [
            ("\"1\"", vec![tag(false, "1")]),
            ("W/\"1\"", vec![tag(true, "1")]),
            (" \"a,b\" ,\"\", W/\"c\"", vec![tag(false, "a,b"), tag(false, ""), tag(true, "c")]),
            (",,\"1\",,", vec![tag(false, "1")]),
            ("", vec![]),
        ] {
            assert_eq!(Tags::read(text), Some(Tags::List(tags)), "{text}");
        }
        assert_eq!(Tags::read(" * "), Some(Tags::Any));
        for bad in
            ["1", "\"1", "1\"", "w/\"1\"", "W/ \"1\"", "\"1\" \"2\"", "\"1\";\"2\"", "*, \"1\"", "\"1\", *", "'1'"]
        {
            assert_eq!(Tags::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn weak_tags_match_weakly_and_never_strongly() {
        let tags = Tags::read("W/\"1-01234567\", \"2-01234567\", \"7\", \"07\", \"8-01234567-gzip\"").expect("tags");
        assert!(tags.weakly("1-01234567") && !tags.strongly("1-01234567"));
        assert!(tags.weakly("2-01234567") && tags.strongly("2-01234567"));
        assert!(!tags.weakly("8-01234567"));
        let Expected::OneOf(versions) = tags.versions() else { panic!("a list") };
        assert_eq!(versions, [Version::Event("2-01234567".parse().expect("an event")), Version::Revision(7)]);
    }
}
