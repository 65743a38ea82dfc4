//! What a client would rather have: the header `Prefer` (RFC 7240), of which `return` is heard.

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::HeaderName;
use actix_web::{FromRequest, HttpRequest};

const PREFER: HeaderName = HeaderName::from_static("prefer");
/// Where it is said which preference was followed.
pub const APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// How much of what was changed an answer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// As much as ever; nothing was asked.
    Usual,
    /// Only what the client cannot know.
    Minimal,
    /// All of it.
    Representation,
}

impl Return {
    /// What was asked for, as the answer repeats it.
    pub fn applied(self) -> Option<&'static str> {
        match self {
            Self::Usual => None,
            Self::Minimal => Some("return=minimal"),
            Self::Representation => Some("return=representation"),
        }
    }
}

impl FromRequest for Return {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let lines = request.headers().get_all(PREFER).filter_map(|line| line.to_str().ok());
        ready(Ok(lines.flat_map(|line| line.split(',')).find_map(asked).unwrap_or(Self::Usual)))
    }
}

/// What a preference asks for, if it is `return`, and a kind of it that is known: others are passed over, and the first one counts.
fn asked(preference: &str) -> Option<Return> {
    let (name, value) = preference.split(';').next()?.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("return") {
        return None;
    }
    let value = value.trim();
    match value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value) {
        "minimal" => Some(Return::Minimal),
        "representation" => Some(Return::Representation),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_first_kind_of_return_that_is_known_counts() {
        for (lines, wanted) in [
            (&[][..], Return::Usual),
            (&["return=minimal"], Return::Minimal),
            (&["respond-async, wait=10", "Return = \"minimal\"; more=1"], Return::Minimal),
            (&["return=nothing, return=representation", "return=minimal"], Return::Representation),
            (&["return", "returns=minimal, ,=;"], Return::Usual),
        ] {
            let request =
                lines.iter().fold(TestRequest::default(), |request, line| request.append_header((PREFER, *line)));
            let asked = Return::from_request(&request.to_http_request(), &mut Payload::None).into_inner();
            assert_eq!(asked.expect("it always reads"), wanted, "{lines:?}");
        }
    }
}
