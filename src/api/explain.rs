//! What is said of a client's own input, in words for people: which field is wrong and what it takes. The parser's own words name
//! types of this program and may hold everything a client sent, so nobody gets to see them.

use std::borrow::Cow;

use super::code::Code;

/// Characters of a client's own text that a refusal or the log repeats at the most.
const MAX_ECHO: usize = 60;

/// A client's own text as it may be repeated: its beginning.
pub fn clip(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MAX_ECHO) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
    }
}

/// The same between quotes, with what does not show written out; so that it is as short when it is seen.
pub fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for (count, char) in text.escape_debug().enumerate() {
        if count == MAX_ECHO {
            quoted.push('…');
            break;
        }
        quoted.push(char);
    }
    quoted + "\""
}

/// An error of serde_json without the place where it is.
pub fn without_place(text: &str) -> &str {
    text.rfind(" at line ").map_or(text, |end| &text[..end])
}

/// What is wrong with a file that a client brought. Its parser's words are explained too, and its own text comes back short.
pub fn tame(text: &str) -> String {
    /// Characters: more than any sentence of this program about a file has.
    const MAX_CHARS: usize = 240;
    let serde = ["unknown ", "missing field", "duplicate field", "invalid type", "invalid value", "expected value"];
    if serde.iter().any(|start| text.starts_with(start)) {
        return explain("", text).1.trim_end_matches('.').replacen("The body", "A field in it", 1);
    }
    let short: Vec<_> = without_place(text).split(' ').map(clip).collect();
    let short = short.join(" ");
    match short.char_indices().nth(MAX_CHARS) {
        None => short,
        Some((end, _)) => format!("{}…", &short[..end]),
    }
}

/// The code of an error of serde, and its explanation. serde has no kinds for its errors; a test holds its words.
pub fn explain(field: &str, text: &str) -> (Code, String) {
    let text = without_place(text);
    let named = if field.is_empty() { "The body".to_owned() } else { format!("The field {}", quote(field)) };
    let (given, takes) = text.rsplit_once(", expected ").unwrap_or((text, ""));
    let word = |start: &str| {
        let word = given.strip_prefix(start).unwrap_or_default().trim_matches('`');
        quote(word.strip_suffix("`, there are no fields").unwrap_or(word))
    };
    if text.starts_with("unknown field") {
        let takes = if takes.is_empty() { "none".to_owned() } else { listed(takes) };
        return (
            Code::UnknownField,
            format!("There is no field {} here. The fields are: {takes}.", word("unknown field ")),
        );
    }
    if text.starts_with("missing field") {
        return (Code::MissingField, format!("The field {} is missing.", word("missing field ")));
    }
    if text.starts_with("duplicate field") {
        return (Code::DuplicateField, format!("The field {} stands twice. Send it once.", word("duplicate field ")));
    }
    if text.starts_with("unknown variant") {
        let named = if field.is_empty() { "This".to_owned() } else { named };
        let detail = format!("{named} does not take {}. It takes: {}.", word("unknown variant "), listed(takes));
        return (Code::UnknownValue, detail);
    }
    let kind = if text.starts_with("invalid type") || text.starts_with("expected value") {
        Code::WrongType
    } else {
        Code::WrongValue
    };
    let wanted = if text.starts_with("expected value") { Some("a word".into()) } else { wanted(takes) };
    match wanted {
        Some(wanted) => (kind, format!("{named} must be {wanted}.")),
        None => (kind, format!("{named} is not of a form that this call takes.")),
    }
}

/// Names that serde puts between quotes, without them.
fn listed(takes: &str) -> String {
    takes.strip_prefix("one of ").unwrap_or(takes).replace(" or ", ", ").replace('`', "")
}

/// What a type takes, for people; its name is for programmers.
fn wanted(takes: &str) -> Option<Cow<'static, str>> {
    let whole = |least: i128, most: i128| Some(Cow::Owned(format!("a whole number from {least} to {most}")));
    match takes {
        "a nonzero u32" => whole(1, u32::MAX.into()),
        "a nonzero u64" => Some("a whole number from 1".into()),
        "u8" => whole(0, u8::MAX.into()),
        "u16" => whole(0, u16::MAX.into()),
        "u32" => whole(0, u32::MAX.into()),
        "u64" | "usize" => Some("a whole number from 0".into()),
        "i8" | "i16" | "i32" | "i64" | "isize" => Some("a whole number".into()),
        "f32" | "f64" => Some("a number".into()),
        "a string" | "a borrowed string" | "string" | "str" => Some("a text".into()),
        "variant identifier" | "string or map" => Some("a word".into()),
        "a boolean" => Some("true or false".into()),
        "a sequence" => Some("a list".into()),
        "a map" => Some("an object".into()),
        _ if takes.starts_with("struct ") || takes.starts_with("internally tagged enum ") => Some("an object".into()),
        _ if takes.starts_with("a tuple of size ") || takes.starts_with("tuple struct ") => Some("a list".into()),
        _ if takes.starts_with("enum ") || takes.starts_with("unit variant ") => Some("a word".into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_sent_comes_back_short() {
        assert_eq!(clip(&"\u{e9}".repeat(61)).chars().count(), 61);
        assert_eq!(clip("short"), "short");
        assert_eq!(quote("a\u{0}\"b"), "\"a\\0\\\"b\"");
        assert_eq!(quote(&"\u{1}".repeat(100)).chars().count(), 63);
    }
}
