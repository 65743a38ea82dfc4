//! Strict JSON for typed bodies: a list never stands for an object, and a whole number may be written with a point (`1.0`, `1e0`),
//! as Lua, Godot and others write all of theirs.
//!
//! serde takes a list for a struct, field by field. Here it meets only objects there, in every type at once, and numbers in
//! the one form that integers take.

use std::fmt::{self, Write};

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};

/// Beyond, a float does not say which whole number it was.
const LARGEST: f64 = 9_007_199_254_740_992.0;

/// Reads a value of a type, and nothing behind it.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = T::deserialize(Strict(&mut json))?;
    json.end()?;
    Ok(value)
}

/// A reader, or a part of one, that is strict.
pub struct Strict<T>(pub T);

/// What is told of each value that was read.
struct Told<V> {
    visitor: V,
    /// Whether a list may come.
    lists: bool,
}

impl<V> Told<V> {
    fn new(visitor: V) -> Self {
        Self { visitor, lists: true }
    }

    fn object(visitor: V) -> Self {
        Self { visitor, lists: false }
    }

    /// Of what may be anything. An enum that has its tag within asks like this, and takes a list too.
    fn anything<'de>(visitor: V) -> Self
    where
        V: Visitor<'de>,
    {
        let mut words = First(String::new());
        // It ends when it has seen enough.
        let _ = write!(words, "{}", Expecting(&visitor));
        let tagged = ["internally tagged enum", "adjacently tagged enum"];
        let lists = !tagged.iter().any(|words_of| words.0.starts_with(words_of));
        Self { visitor, lists }
    }
}

struct Expecting<'a, V>(&'a V);

impl<'de, V: Visitor<'de>> fmt::Display for Expecting<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }
}

/// The first words of a text.
struct First(String);

impl Write for First {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.push_str(text);
        if self.0.len() > 32 { Err(fmt::Error) } else { Ok(()) }
    }
}

macro_rules! pass {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method(Told::new(visitor))
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Strict<D> {
    type Error = D::Error;

    pass! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128 deserialize_u8
        deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64 deserialize_char
        deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf deserialize_option deserialize_unit
        deserialize_seq deserialize_map deserialize_identifier deserialize_ignored_any
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(Told::anything(visitor))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_unit_struct(name, Told::new(visitor))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(name, Told::new(visitor))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple(length, Told::new(visitor))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple_struct(name, length, Told::new(visitor))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_struct(name, fields, Told::object(visitor))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_enum(name, variants, Told::new(visitor))
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

macro_rules! tell {
    ($($method:ident: $type:ty,)*) => {$(
        fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.visitor.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Told<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    tell! {
        visit_bool: bool,
        visit_i64: i64,
        visit_i128: i128,
        visit_u64: u64,
        visit_u128: u128,
        visit_char: char,
        visit_str: &str,
        visit_borrowed_str: &'de str,
        visit_string: String,
        visit_bytes: &[u8],
        visit_borrowed_bytes: &'de [u8],
        visit_byte_buf: Vec<u8>,
    }

    /// A type of floats takes whole numbers as well. The sign of -0.0 would be lost, so it stays a float.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Whole, in range, and its sign known.
    fn visit_f64<E: Error>(self, value: f64) -> Result<V::Value, E> {
        if value.fract() != 0.0 || value.abs() >= LARGEST || (value == 0.0 && value.is_sign_negative()) {
            return self.visitor.visit_f64(value);
        }
        if value < 0.0 { self.visitor.visit_i64(value as i64) } else { self.visitor.visit_u64(value as u64) }
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_some(Strict(deserializer))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_newtype_struct(Strict(deserializer))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<V::Value, A::Error> {
        if !self.lists {
            return Err(A::Error::invalid_type(Unexpected::Seq, &self));
        }
        self.visitor.visit_seq(Strict(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(Strict(map))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_enum(Strict(data))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Strict<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Strict(deserializer))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        self.0.next_element_seed(Strict(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        self.0.next_key_seed(Strict(seed))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        self.0.next_value_seed(Strict(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Strict<A> {
    type Error = A::Error;
    type Variant = Strict<A::Variant>;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self::Variant), A::Error> {
        let (value, variant) = self.0.variant_seed(Strict(seed))?;
        Ok((value, Strict(variant)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, A::Error> {
        self.0.newtype_variant_seed(Strict(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(length, Told::new(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.struct_variant(fields, Told::object(visitor))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;
    use crate::game::action::Action;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct All {
        whole: Option<u64>,
        signed: i32,
        float: Option<f64>,
        inner: Option<Box<All>>,
        many: Vec<All>,
        pair: Option<(u8, f64)>,
        choice: Option<Choice>,
        action: Option<Action>,
        any: Value,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Choice {
        Plain,
        With { size: u8 },
    }

    fn read(text: &str) -> Result<All, String> {
        from_slice(text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_list_is_no_object_wherever_it_stands() {
        for list in [
            r#"[5]"#,
            r#"{"inner": [5]}"#,
            r#"{"many": [[5]]}"#,
            r#"{"inner": {"inner": [5, 5]}}"#,
            r#"{"choice": {"with": [5]}}"#,
            r#"{"action": ["wait"]}"#,
            r#"{"action": ["wait", {}]}"#,
            r#"{"many": [{"action": ["buy_food", {"amount": 1}]}]}"#,
        ] {
            let error = read(list).expect_err(list);
            assert!(error.contains("sequence"), "{list}: {error}");
        }
        assert!(from_slice::<Action>(br#"["wait"]"#).is_err());
        let lists = read(r#"{"many": [{}, {"whole": 1}], "pair": [1, 2], "any": [[1], {"a": []}]}"#).expect("lists");
        assert_eq!((lists.many.len(), lists.pair, lists.any), (2, Some((1, 2.0)), json!([[1], {"a": []}])));
        assert_eq!(
            read(r#"{"choice": {"with": {"size": 3}}}"#).expect("a choice").choice,
            Some(Choice::With { size: 3 })
        );
        assert_eq!(read(r#"{"choice": "plain"}"#).expect("a choice").choice, Some(Choice::Plain));
    }

    #[test]
    fn whole_numbers_may_have_a_point_and_others_may_not() {
        for one in ["1", "1.0", "1e0", "10e-1", "0.1e1", "1.000"] {
            let all = read(&format!(
                r#"{{"whole": {one}, "signed": -{one}, "float": {one}, "pair": [{one}, {one}], "any": {one},
                    "action": {{"type": "buy_food", "amount": {one}}}}}"#
            ));
            let all = all.expect(one);
            assert_eq!((all.whole, all.signed, all.float, all.pair), (Some(1), -1, Some(1.0), Some((1, 1.0))), "{one}");
            assert_eq!(all.any, json!(1));
            assert_eq!(json!(all.action), json!({"type": "buy_food", "amount": 1}));
        }
        for bad in ["1.5", "-1.0", "1e300", "-0.0", "9007199254740993.5", "1e16"] {
            assert!(read(&format!(r#"{{"whole": {bad}}}"#)).is_err(), "{bad}");
        }
        assert_eq!(read(r#"{"whole": 9007199254740991.0}"#).expect("a number").whole, Some(9_007_199_254_740_991));
        let zero = read(r#"{"float": -0.0}"#).expect("a number").float.expect("a number");
        assert!(zero == 0.0 && zero.is_sign_negative());
        assert_eq!(read(r#"{"float": 0.1, "whole": null}"#).expect("a number").float, Some(0.1));
    }
}
