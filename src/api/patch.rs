//! What has changed from one state to the next, as a JSON Patch (RFC 6902): it can say that a member is null now, and that one element of
//! a list has changed, which a merge patch (RFC 7396) cannot.
//!
//! Where the parts of a text are is noted while it is written, so that no tree of values has to be built, which takes ten times as long.

use std::cell::Cell;
use std::io::{self, Write};
use std::ops::Range;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};
use serde_json::value::RawValue;

/// A value as JSON, and where its parts are.
#[derive(Debug)]
pub struct Document {
    text: Vec<u8>,
    /// Each before all that is in it; the first is the whole.
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug)]
struct Part {
    shape: Shape,
    /// Where the name of a member is, without its quotes.
    name: (u32, u32),
    value: (u32, u32),
    /// The first part that is not in this one.
    next: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Object,
    Array,
    Single,
}

impl Document {
    /// Of a value that has string keys.
    pub fn of(value: &impl Serialize) -> Self {
        let (mut text, at) = (Vec::with_capacity(4096), Cell::new(0));
        let mut notes = Notes { parts: Vec::with_capacity(256), open: Vec::with_capacity(8), name: (0, 0), at: &at };
        notes.begin();
        let mut serializer = Serializer::with_formatter(Counting { text: &mut text, at: &at }, &mut notes);
        value.serialize(&mut serializer).expect("views have string keys, and are written into memory");
        notes.end();
        let parts = notes.parts;
        Self { text, parts }
    }

    /// What makes the newer one of this: a list of operations, none longer than the part that it puts in place.
    pub fn changes_to(&self, newer: &Self) -> Box<RawValue> {
        let mut changes = Changes { older: self, newer, path: Vec::new(), operations: vec![b'['] };
        changes.part(0, 0);
        changes.operations.push(b']');
        let text = String::from_utf8(changes.operations).expect("it is made of whole parts of JSON texts");
        RawValue::from_string(text).expect("it is made of whole parts of JSON texts")
    }

    fn slice(&self, (from, to): (u32, u32)) -> &[u8] {
        &self.text[from as usize..to as usize]
    }

    fn name(&self, part: usize) -> &[u8] {
        self.slice(self.parts[part].name)
    }

    fn value(&self, part: usize) -> &[u8] {
        self.slice(self.parts[part].value)
    }

    /// The members of an object, or the elements of an array.
    fn within(&self, part: usize) -> impl Iterator<Item = usize> {
        let Range { start, end } = part + 1..self.parts[part].next as usize;
        let first = (start < end).then_some(start);
        std::iter::successors(first, move |at| Some(self.parts[*at].next as usize).filter(|next| *next < end))
    }
}

/// Writes a text, and counts its bytes.
struct Counting<'a> {
    text: &'a mut Vec<u8>,
    at: &'a Cell<u32>,
}

impl Write for Counting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.text.extend_from_slice(bytes);
        let at = u32::try_from(self.text.len()).map_err(io::Error::other)?;
        self.at.set(at);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes no spaces, and notes where parts begin and end.
struct Notes<'a> {
    parts: Vec<Part>,
    /// Those that have begun and not ended.
    open: Vec<usize>,
    /// The name of the member that comes.
    name: (u32, u32),
    at: &'a Cell<u32>,
}

impl Notes<'_> {
    fn begin(&mut self) {
        let at = self.at.get();
        self.open.push(self.parts.len());
        self.parts.push(Part { shape: Shape::Single, name: std::mem::take(&mut self.name), value: (at, at), next: 0 });
    }

    fn end(&mut self) {
        let next = u32::try_from(self.parts.len()).expect("a part has bytes, whose number fits");
        if let Some(part) = self.open.pop().and_then(|part| self.parts.get_mut(part)) {
            part.value.1 = self.at.get();
            part.next = next;
        }
    }

    fn is(&mut self, shape: Shape) {
        if let Some(part) = self.open.last().and_then(|part| self.parts.get_mut(*part)) {
            part.shape = shape;
        }
    }
}

impl Formatter for &mut Notes<'_> {
    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.is(Shape::Object);
        CompactFormatter.begin_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        CompactFormatter.begin_object_key(writer, first)?;
        self.name.0 = self.at.get() + 1;
        Ok(())
    }

    fn end_object_key<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.name.1 = self.at.get() - 1;
        CompactFormatter.end_object_key(writer)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        CompactFormatter.begin_object_value(writer)?;
        self.begin();
        Ok(())
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.end();
        CompactFormatter.end_object_value(writer)
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.is(Shape::Array);
        CompactFormatter.begin_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        CompactFormatter.begin_array_value(writer, first)?;
        self.begin();
        Ok(())
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.end();
        CompactFormatter.end_array_value(writer)
    }
}

/// Operations, as they are found.
struct Changes<'a> {
    older: &'a Document,
    newer: &'a Document,
    /// Where the part in hand is: a JSON Pointer (RFC 6901).
    path: Vec<u8>,
    operations: Vec<u8>,
}

impl Changes<'_> {
    fn part(&mut self, older: usize, newer: usize) {
        let value = self.newer.value(newer);
        if self.older.value(older) == value {
            return;
        }
        let before = self.operations.len();
        match (self.older.parts[older].shape, self.newer.parts[newer].shape) {
            (Shape::Object, Shape::Object) => self.members(older, newer),
            (Shape::Array, Shape::Array) => self.elements(older, newer),
            _ => return self.replace(newer),
        }
        let piecemeal = self.operations.split_off(before);
        self.replace(newer);
        if self.operations.len() - before > piecemeal.len() {
            self.operations.truncate(before);
            self.operations.extend(piecemeal);
        }
    }

    fn members(&mut self, older: usize, newer: usize) {
        let (old, new) = (self.older, self.newer);
        // Members come in the order of their type: the one that is looked for is mostly the next.
        let (mut rest, mut kept) = (old.within(older).peekable(), 0);
        for member in new.within(newer) {
            let name = new.name(member);
            let next = rest.next_if(|member| old.name(*member) == name);
            let known = next.or_else(|| old.within(older).find(|member| old.name(*member) == name));
            self.below(name, |changes| match known {
                Some(known) => changes.part(known, member),
                None => changes.operation("add", Some(member)),
            });
            kept += usize::from(known.is_some());
        }
        if kept < old.within(older).count() {
            for member in old.within(older) {
                let name = old.name(member);
                if !new.within(newer).any(|member| new.name(member) == name) {
                    self.below(name, |changes| changes.operation("remove", None));
                }
            }
        }
    }

    fn elements(&mut self, older: usize, newer: usize) {
        let (old, new): (Vec<_>, Vec<_>) = (self.older.within(older).collect(), self.newer.within(newer).collect());
        let same = |old: usize, new: usize| self.older.value(old) == self.newer.value(new);
        let front = old.iter().zip(&new).take_while(|(old, new)| same(**old, **new)).count();
        let (old, new) = (&old[front..], &new[front..]);
        let back = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| same(**old, **new)).count();
        let (old, new) = (&old[..old.len() - back], &new[..new.len() - back]);
        for (at, (old, new)) in old.iter().zip(new).enumerate() {
            self.below((front + at).to_string().as_bytes(), |changes| changes.part(*old, *new));
        }
        let both = old.len().min(new.len());
        let gone = (front + both).to_string();
        for _ in both..old.len() {
            // Those behind it move up.
            self.below(gone.as_bytes(), |changes| changes.operation("remove", None));
        }
        for (at, new) in new.iter().enumerate().skip(both) {
            self.below((front + at).to_string().as_bytes(), |changes| changes.operation("add", Some(*new)));
        }
    }

    fn below(&mut self, name: &[u8], then: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push(b'/');
        for byte in name {
            match byte {
                b'~' => self.path.extend(b"~0"),
                b'/' => self.path.extend(b"~1"),
                byte => self.path.push(*byte),
            }
        }
        then(self);
        self.path.truncate(length);
    }

    fn replace(&mut self, newer: usize) {
        self.operation("replace", Some(newer));
    }

    fn operation(&mut self, name: &str, value: Option<usize>) {
        let operations = &mut self.operations;
        if operations.len() > 1 {
            operations.push(b',');
        }
        operations.extend(b"{\"op\":\"");
        operations.extend(name.as_bytes());
        operations.extend(b"\",\"path\":\"");
        operations.extend(&self.path);
        operations.push(b'"');
        if let Some(value) = value {
            operations.extend(b",\"value\":");
            operations.extend(self.newer.value(value));
        }
        operations.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;

    fn changes(older: &Value, newer: &Value) -> Value {
        let changes = Document::of(older).changes_to(&Document::of(newer));
        serde_json::from_str(changes.get()).expect("JSON")
    }

    #[test]
    fn only_what_has_changed_is_told() {
        // What stays is long enough that to tell it again would be longer.
        let stays = "a part that stays as it is, and is so long that nobody wants to hear it again and again and again";
        for (older, newer, told) in [
            (json!({"a": 1}), json!({"a": 1}), json!([])),
            (
                json!({"fuel": 90, "name": stays, "fight": null}),
                json!({"fuel": 85, "name": stays, "fight": {"round": 1}}),
                json!([
                    {"op": "replace", "path": "/fight", "value": {"round": 1}},
                    {"op": "replace", "path": "/fuel", "value": 85}
                ]),
            ),
            (
                json!({"market": [{"item": stays, "stock": 7}, {"item": "gas", "stock": 3}], "name": stays}),
                json!({"market": [{"item": stays, "stock": 6}, {"item": "gas", "stock": 3}], "name": stays}),
                json!([{"op": "replace", "path": "/market/0/stock", "value": 6}]),
            ),
            // One operation for a list is shorter than one for each that has gone.
            (
                json!({"holds": [9, 1, 2, 3], "name": stays}),
                json!({"holds": [9, 3], "name": stays}),
                json!([{"op": "replace", "path": "/holds", "value": [9, 3]}]),
            ),
            (
                json!({"holds": [stays, 1], "more~/": "is gone", "name": stays}),
                json!({"come": true, "holds": [stays, 1, 2], "name": stays}),
                json!([
                    {"op": "add", "path": "/come", "value": true},
                    {"op": "add", "path": "/holds/2", "value": 2},
                    {"op": "remove", "path": "/more~0~1"}
                ]),
            ),
            (
                json!({"holds": [stays, 1, 2, stays]}),
                json!({"holds": [stays, stays]}),
                json!([{"op": "remove", "path": "/holds/1"}, {"op": "remove", "path": "/holds/1"}]),
            ),
            (json!(1), json!({"a": []}), json!([{"op": "replace", "path": "", "value": {"a": []}}])),
        ] {
            assert_eq!(changes(&older, &newer), told, "{older} {newer}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let name = prop_oneof![Just("a".to_owned()), Just("b/~".to_owned()), Just("\"c\\\n".to_owned()), "[d-f]{1,2}"];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-3_i64..3).prop_map(Value::from),
            Just(json!("a text of some length, \u{1F680} and \"quotes\"")),
        ];
        leaf.prop_recursive(4, 40, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(name.clone(), inner, 0..5)
                    .prop_map(|members| Value::from(members.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_told_makes_the_newer_of_the_older(older in any_json(), newer in any_json()) {
            let told = changes(&older, &newer);
            prop_assert!(told.to_string().len() <= changes(&json!("nothing of it"), &newer).to_string().len());
            let told: json_patch::Patch = serde_json::from_value(told).expect("a patch");
            let mut made = older;
            json_patch::patch(&mut made, &told).expect("it fits");
            prop_assert_eq!(made, newer);
        }
    }
}
