//! Everything that is wrong with the form of content, at once: misspelt and missing keys, wrong types, numbers out of range, and
//! ids that are not defined. A deserializer stops at the first of these; this goes through the values by the schema instead.

use std::collections::BTreeMap;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::below;
use crate::game::table::{DEFINES, REFERS};

/// What each kind of definition is called in which file: the kind's name, the file, the ids.
pub(super) type Ids<'a> = BTreeMap<String, (&'a str, Vec<String>)>;

/// Goes through a file. Without `ids` it only gathers them.
pub(super) struct Walk<'a> {
    /// The file's schema.
    pub schema: &'a Value,
    /// What there is to refer to.
    pub ids: &'a Ids<'a>,
    /// The ids that are defined here, by their kind.
    pub defined: Vec<(String, Vec<String>)>,
    /// Path and problem of all that is wrong.
    pub faults: Vec<(String, String)>,
}

impl<'a> Walk<'a> {
    pub fn through(schema: &'a Value, ids: &'a Ids<'a>, table: &DeTable<'_>) -> Self {
        let mut walk = Self { schema, ids, defined: Vec::new(), faults: Vec::new() };
        walk.table(schema, table, "");
        walk
    }

    fn fault(&mut self, path: &str, problem: String) {
        self.faults.push((path.to_owned(), problem));
    }

    /// The schema itself, where it stands elsewhere, or among others of which one is meant.
    fn of(&self, schema: &'a Value) -> &'a Value {
        if let Some(path) = schema["$ref"].as_str() {
            let there = self.schema.pointer(path.trim_start_matches('#'));
            return there.map_or(schema, |there| self.of(there));
        }
        // All of one, which is how draft 7 explains a reference; any of one and null, which TOML has not.
        let all = [&schema["allOf"], &schema["anyOf"]].into_iter().filter_map(Value::as_array).flatten();
        all.clone().find(|each| each["type"] != "null").map_or(schema, |one| self.of(one))
    }

    fn value(&mut self, schema: &'a Value, value: &Spanned<DeValue<'_>>, path: &str) {
        let schema = self.of(schema);
        match (kind(schema), value.get_ref()) {
            ("object", DeValue::Table(table)) => self.table(schema, table, path),
            ("array", DeValue::Array(array)) => {
                self.measure(schema, array.len(), ["minItems", "maxItems"], "entries", path);
                for (at, value) in array.iter().enumerate() {
                    self.value(&schema["items"], value, &format!("{path}[{at}]"));
                }
            }
            ("string", DeValue::String(text)) => self.text(schema, text, path),
            ("boolean", DeValue::Boolean(_)) => {}
            ("integer", DeValue::Integer(number)) => {
                // A number too large for this is too large for every range.
                let read = i64::from_str_radix(number.as_str(), number.radix()).map(|number| number as f64);
                self.number(schema, read.unwrap_or(f64::INFINITY), &number.to_string(), path);
            }
            ("number", DeValue::Integer(number)) => {
                let read = i64::from_str_radix(number.as_str(), number.radix()).map(|number| number as f64);
                self.number(schema, read.unwrap_or(f64::INFINITY), &number.to_string(), path);
            }
            ("number", DeValue::Float(number)) => {
                let read = number.as_str().parse().unwrap_or(f64::NAN);
                self.number(schema, read, number.as_str(), path);
            }
            (_, other) => {
                let is = match other.type_str() {
                    kind @ ("array" | "integer") => format!("an {kind}"),
                    kind => format!("a {kind}"),
                };
                self.fault(path, format!("is {is}; must be {}", self.wanted(schema)));
            }
        }
    }

    fn table(&mut self, schema: &'a Value, table: &DeTable<'_>, path: &str) {
        let schema = match schema["oneOf"].as_array() {
            Some(forms) => match self.form(forms, table, path) {
                Some(form) => form,
                None => return,
            },
            None => schema,
        };
        if let Some(kind) = schema[DEFINES].as_str() {
            let ids = table.keys().map(|key| key.get_ref().to_string()).collect();
            self.defined.push((kind.to_owned(), ids));
        }
        self.measure(schema, table.len(), ["minProperties", "maxProperties"], "entries", path);
        let keys: Vec<_> =
            schema["properties"].as_object().into_iter().flat_map(|keys| keys.keys()).map(String::as_str).collect();
        for (key, value) in table {
            let key = key.get_ref().as_ref();
            let below = below(path, key);
            let more = &schema["additionalProperties"];
            match schema["properties"].get(key) {
                Some(schema) => self.value(schema, value, &below),
                None if more.is_object() => {
                    let before = self.faults.len();
                    self.value(more, value, &below);
                    let others = table.keys().map(|other| other.get_ref().as_ref()).filter(|other| *other != key);
                    self.misspelt(before, key, others, &below);
                }
                None => {
                    let hint = instead(key, keys.iter().copied());
                    self.fault(&below, format!("is no key of this table; {hint}"));
                }
            }
        }
        for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if table.get(key).is_none() {
                let wanted = self.wanted(&schema["properties"][key]);
                self.fault(&below(path, key), format!("is missing; must be {wanted}"));
            }
        }
    }

    /// What looks like a new entry of a table, lacks what every entry has, and is called almost like another one, is that one
    /// misspelt: then one line says so, in place of one for each key that it lacks.
    fn misspelt<'w>(&mut self, from: usize, key: &str, others: impl Iterator<Item = &'w str>, path: &str) {
        let lacks = |(at, problem): &(String, String)| {
            problem.starts_with("is missing") && at.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'))
        };
        if !self.faults[from..].iter().any(lacks) {
            return;
        }
        if let Some(near) = near(key, others) {
            let mut own = self.faults.split_off(from);
            own.retain(|fault| !lacks(fault));
            self.faults.append(&mut own);
            self.fault(path, format!("is a new entry and lacks what each must have; did you mean {near:?}?"));
        }
    }

    /// Of tables that say what they are in one of their keys, the one that is meant.
    fn form(&mut self, forms: &'a [Value], table: &DeTable<'_>, path: &str) -> Option<&'a Value> {
        let tags = |form: &'a Value| {
            let keys = form["properties"].as_object().into_iter().flatten();
            keys.filter_map(|(key, schema)| Some((key.as_str(), schema["const"].as_str()?))).next()
        };
        let (tag, _) = forms.iter().find_map(tags)?;
        let names: Vec<_> = forms.iter().filter_map(tags).map(|(_, name)| name).collect();
        let Some(said) = table.get(tag) else {
            self.fault(&below(path, tag), format!("is missing; must be one of {}", names.join(", ")));
            return None;
        };
        let said = said.get_ref().as_str().unwrap_or_default();
        let form = forms.iter().find(|form| tags(form).is_some_and(|(_, name)| name == said));
        if form.is_none() {
            let hint = instead(said, names.iter().copied());
            self.fault(&below(path, tag), format!("{said:?} is not known; {hint}"));
        }
        form
    }

    fn text(&mut self, schema: &'a Value, text: &str, path: &str) {
        self.measure(schema, text.chars().count(), ["minLength", "maxLength"], "characters", path);
        let words = words(schema);
        if !words.is_empty() && !words.contains(&text) {
            let hint = instead(text, words.iter().copied());
            return self.fault(path, format!("{text:?} is not known; {hint}"));
        }
        if let Some((file, ids)) = schema[REFERS].as_str().and_then(|kind| self.ids.get(kind))
            && !ids.iter().any(|id| id == text)
        {
            let near = near(text, ids.iter().map(String::as_str));
            let hint = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
            self.fault(path, format!("{text:?} is not defined in {file}{hint}"));
        }
    }

    fn number(&mut self, schema: &'a Value, number: f64, written: &str, path: &str) {
        let [least, most] = ["minimum", "maximum"].map(|key| schema[key].as_f64());
        let within = least.is_none_or(|least| number >= least) && most.is_none_or(|most| number <= most);
        if !within || !number.is_finite() {
            self.fault(path, format!("is {written}; must be {}", self.wanted(schema)));
        }
    }

    fn measure(&mut self, schema: &Value, length: usize, [least, most]: [&str; 2], what: &str, path: &str) {
        let [least, most] = [least, most].map(|key| schema[key].as_u64());
        let length = length as u64;
        if least.is_some_and(|least| length < least) || most.is_some_and(|most| length > most) {
            self.fault(path, format!("has {length} {what}; must have {}", range(least, most)));
        }
    }

    /// What would be right, in a few words.
    fn wanted(&self, schema: &'a Value) -> String {
        let schema = self.of(schema);
        let words = words(schema);
        if !words.is_empty() {
            return format!("one of {}", words.join(", "));
        }
        let range = range(schema["minimum"].as_f64(), schema["maximum"].as_f64());
        let what = match kind(schema) {
            "integer" => "a whole number",
            "number" => "a number",
            "boolean" => "true or false",
            "array" if schema["maxItems"] == 2 && schema["minItems"] == 2 => "[least, most]",
            "array" => "an array",
            "object" => "a table",
            _ if schema[REFERS].is_string() => "an id",
            _ => "a string",
        };
        if range.is_empty() { what.to_owned() } else { format!("{what} from {range}") }
    }
}

fn range<T: PartialEq + std::fmt::Display>(least: Option<T>, most: Option<T>) -> String {
    match (least, most) {
        (Some(least), Some(most)) if least == most => format!("{least}"),
        (Some(least), Some(most)) => format!("{least} to {most}"),
        (Some(least), None) => format!("at least {least}"),
        (None, Some(most)) => format!("at most {most}"),
        (None, None) => String::new(),
    }
}

/// The type that a schema asks for.
fn kind(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(kind) => kind,
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or_default(),
        _ if !words(schema).is_empty() => "string",
        _ if schema["oneOf"].is_array() => "object",
        _ => "",
    }
}

/// The words that a schema allows; none: any.
fn words(schema: &Value) -> Vec<&str> {
    // Words that are explained stand apart from the others.
    let forms = schema["oneOf"].as_array().into_iter().flatten().chain([schema]);
    forms
        .flat_map(|form| {
            form["enum"].as_array().into_iter().flatten().chain([&form["const"]]).filter_map(Value::as_str)
        })
        .collect()
}

/// The word that is nearest to a misspelt one: a few letters away, or longer.
pub(super) fn near<'w>(word: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let length = word.chars().count();
    let most = (length / 3).max(1);
    let near = words.filter_map(|each| {
        let distance = strsim::osa_distance(word, each);
        let longer = length >= 3 && each.starts_with(word);
        (distance <= most || longer).then_some((distance, each))
    });
    near.min().map(|(_, each)| each)
}

/// What to write instead of a word that is not known.
pub(super) fn instead<'w>(word: &str, words: impl Iterator<Item = &'w str> + Clone) -> String {
    match near(word, words.clone()) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("there are {}", words.collect::<Vec<_>>().join(", ")),
    }
}
