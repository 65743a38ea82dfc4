//! JSON that clients send, read into types. What is wrong with it is found field by field.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::error::Category;
use serde_path_to_error::Segment;

use super::code::Code;
use super::explain::{explain, without_place};
use super::problem::Problem;
use crate::model::strict::{Strict, from_slice};

/// Members of an object that are looked at for the one that is wrong; no call takes as many.
const MAX_MEMBERS: usize = 16;
/// What some editors put before UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads strict JSON, and says what is wrong by a code of its own.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let body = body.strip_prefix(MARK).unwrap_or(body);
    from_slice(body).map_err(|error| problem::<T>(body, &error))
}

fn problem<T: DeserializeOwned>(body: &[u8], error: &serde_json::Error) -> Problem {
    let text = error.to_string();
    match error.classify() {
        // serde_json has no kinds for these two; a test holds its words.
        Category::Syntax if text.starts_with("recursion limit") => Problem::new(
            Code::JsonTooDeep,
            "The body is nested too deeply. No call of this API needs more than a few levels.",
        ),
        Category::Syntax if text.starts_with("number out of range") => Problem::new(
            Code::NumberOutOfRange,
            format!("A number is larger than any this server reads: look at {}.", place(body, error)),
        ),
        _ if std::str::from_utf8(body).is_err() => {
            Problem::new(Code::MalformedJson, "The body is not UTF-8. Send JSON as UTF-8.")
        }
        // serde_json calls it a syntax error when a word was wanted and something else came.
        Category::Data | Category::Syntax if is_json(body) => data_problem::<T>(body),
        Category::Eof => {
            Problem::new(Code::MalformedJson, "Not JSON: the body ends too early. Send one JSON object, whole.")
        }
        _ => {
            Problem::new(Code::MalformedJson, format!("Not JSON from {} on. Send one JSON object.", place(body, error)))
        }
    }
}

fn is_json(body: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok()
}

/// Where an error is, as an editor shows it.
fn place(body: &[u8], error: &serde_json::Error) -> String {
    // serde_json counts columns in bytes.
    let (line, column) = (error.line(), error.column());
    if body.contains(&b'\n') { format!("line {line}, byte {column}") } else { format!("byte {column}") }
}

fn data_problem<T: DeserializeOwned>(body: &[u8]) -> Problem {
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Problem::new(Code::NotAnObject, "The body must be a JSON object.");
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let Err(error) = serde_path_to_error::deserialize::<_, T>(Strict(&mut json)) else {
        return Problem::new(
            Code::MalformedJson,
            "There is something behind the JSON object. Send one, and nothing else.",
        );
    };
    let text = without_place(&error.inner().to_string()).to_owned();
    let path: Vec<_> = error.path().iter().cloned().collect();
    let field = match culprit::<T>(body, &path, &text) {
        Some(name) if path.is_empty() => name,
        Some(name) => format!("{}.{name}", error.path()),
        None if path.is_empty() => String::new(),
        None => error.path().to_string(),
    };
    let (code, detail) = explain(&field, &text);
    Problem::new(code, detail)
}

/// The member that a value is refused for. An enum that has its tag within is read as a whole first, and its errors name no place; so
/// one member after the other is left out, to see which makes the difference.
fn culprit<T: DeserializeOwned>(body: &[u8], path: &[Segment], text: &str) -> Option<String> {
    if !text.starts_with("invalid ") && !text.starts_with("unknown variant") {
        return None;
    }
    let mut tree: Value = serde_json::from_slice(body).ok()?;
    let members = at(&mut tree, path)?.as_object()?;
    let mut names: Vec<_> = members.keys().take(MAX_MEMBERS).cloned().collect();
    // Without its tag an enum is refused in any case.
    names.sort_by_key(|name| name == "type");
    names.into_iter().find(|name| {
        let Some(value) = at(&mut tree, path).and_then(|value| value.as_object_mut()?.remove(name)) else {
            return false;
        };
        let without = T::deserialize(Strict(&tree)).err().map(|error| error.to_string());
        if let Some(members) = at(&mut tree, path).and_then(Value::as_object_mut) {
            members.insert(name.clone(), value);
        }
        without.as_deref() != Some(text)
    })
}

fn at<'a>(tree: &'a mut Value, path: &[Segment]) -> Option<&'a mut Value> {
    path.iter().try_fold(tree, |value, segment| match segment {
        Segment::Map { key } => value.get_mut(key),
        Segment::Seq { index } => value.get_mut(index),
        Segment::Enum { .. } | Segment::Unknown => None,
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::game::action::Action;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "it is there to be refused")]
    struct Body {
        id: Option<u64>,
        action: Option<Action>,
        word: Option<Word>,
        flag: Option<bool>,
        name: Option<String>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Word {
        Yes,
        No,
    }

    fn told(body: &str) -> String {
        parse::<Body>(body.as_bytes()).expect_err(body).to_string()
    }

    #[test]
    fn a_refusal_names_the_field_and_what_it_takes() {
        for (body, problem) in [
            (r#"{"id": 1.5}"#, "WRONG_TYPE: The field \"id\" must be a whole number from 0."),
            (r#"{"id": -1}"#, "WRONG_VALUE: The field \"id\" must be a whole number from 0."),
            (r#"{"id": "1"}"#, "WRONG_TYPE: The field \"id\" must be a whole number from 0."),
            (r#"{"flag": 1}"#, "WRONG_TYPE: The field \"flag\" must be true or false."),
            (r#"{"name": 1}"#, "WRONG_TYPE: The field \"name\" must be a text."),
            (r#"{"word": 1}"#, "WRONG_TYPE: The field \"word\" must be a word."),
            (r#"{"word": "maybe"}"#, "UNKNOWN_VALUE: The field \"word\" does not take \"maybe\". It takes: yes, no."),
            (r#"{"action": ["wait"]}"#, "WRONG_TYPE: The field \"action\" must be an object."),
            (
                r#"{"action": {"amount": 1.5, "type": "buy_food"}}"#,
                "WRONG_TYPE: The field \"action.amount\" must be a whole number from 1 to 4294967295.",
            ),
            (
                r#"{"action": {"type": "buy_item", "item": "x", "quantity": 0}}"#,
                "WRONG_VALUE: The field \"action.quantity\" must be a whole number from 1 to 4294967295.",
            ),
            (r#"{"action": {"type": 7}}"#, "WRONG_TYPE: The field \"action.type\" must be a word."),
            (r#"{"action": {"type": "jump"}}"#, "MISSING_FIELD: The field \"region\" is missing."),
            (
                r#"{"action": {"type": "jump", "region": "x", "y": 1}}"#,
                "UNKNOWN_FIELD: There is no field \"y\" here. The fields are: region.",
            ),
            (
                r#"{"action": {"type": "wait", "y": 1}}"#,
                "UNKNOWN_FIELD: There is no field \"y\" here. The fields are: none.",
            ),
            (
                r#"{"y": 1}"#,
                "UNKNOWN_FIELD: There is no field \"y\" here. The fields are: id, action, word, flag, name.",
            ),
            (r#"{"id": 1, "id": 2}"#, "DUPLICATE_FIELD: The field \"id\" stands twice. Send it once."),
            (r#"{"id": 1"#, "MALFORMED_JSON: Not JSON: the body ends too early. Send one JSON object, whole."),
            (r#"{"id" 1}"#, "MALFORMED_JSON: Not JSON from byte 7 on. Send one JSON object."),
            ("{\n\"id\" 1}", "MALFORMED_JSON: Not JSON from line 2, byte 6 on. Send one JSON object."),
        ] {
            assert_eq!(told(body), problem, "{body}");
        }
        let unknown = told(r#"{"action": {"type": "nope"}}"#);
        let start = "UNKNOWN_VALUE: The field \"action.type\" does not take \"nope\". It takes: navigate, jump, ";
        assert!(unknown.starts_with(start), "{unknown}");
    }

    #[test]
    fn what_a_client_sent_comes_back_short() {
        let long = "x`, expected \u{1f680}".repeat(4_000);
        for body in [
            format!(r#"{{"{long}": 1}}"#),
            format!(r#"{{"word": "{long}"}}"#),
            format!(r#"{{"id": "{long}"}}"#),
            format!(r#"{{"flag": "{long}"}}"#),
            format!(r#"{{"action": {{"type": "{long}"}}}}"#),
            format!(r#"{{"action": {{"type": "wait", "{long}": 1}}}}"#),
            format!(r#"{{"action": {{"type": "buy_food", "amount": "{long}"}}}}"#),
        ] {
            let told = told(&body);
            assert!(told.chars().count() < 600 && !told.contains(&long[..200]), "{told}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        assert_eq!(parse::<Body>(b"\xef\xbb\xbf{\"id\": 1.0}").expect("a body").id, Some(1));
    }
}
