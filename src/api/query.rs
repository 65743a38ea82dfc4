//! The query string of a request, read into a type as bodies are: each parameter known, once, and of the form it should have.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use serde::de::value::{Error, MapDeserializer};
use serde::de::{DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::code::Code;
use super::explain::explain;
use super::problem::Problem;
use crate::model::strict::Strict;

/// A query string; unknown parameters are refused.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(request.query_string()).map(Self))
    }
}

fn read<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(query)
        .map_err(|_| Problem::new(Code::BadQuery, "The query string is not of the form a=1&b=2."))?
        .into_inner();
    let pairs = MapDeserializer::<_, Error>::new(pairs.into_iter().map(|(name, value)| (name, Parameter(value))));
    serde_path_to_error::deserialize(Strict(pairs)).map_err(|error| {
        let field = if error.path().iter().len() == 0 { String::new() } else { error.path().to_string() };
        let (_, detail) = explain(&field, &error.inner().to_string());
        Problem::new(Code::BadQuery, format!("In the query string: {detail}"))
    })
}

/// The text of a parameter, which becomes what is wanted of it.
struct Parameter(String);

impl<'de> IntoDeserializer<'de, Error> for Parameter {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl Parameter {
    fn number<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if let Ok(number) = self.0.parse() {
            return visitor.visit_u64(number);
        }
        if let Ok(number) = self.0.parse() {
            return visitor.visit_i64(number);
        }
        match self.0.parse::<f64>() {
            // Strict makes whole numbers of those that are.
            Ok(number) if number.is_finite() => visitor.visit_f64(number),
            _ => visitor.visit_string(self.0),
        }
    }
}

macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.number(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Parameter {
    type Error = Error;

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16 deserialize_u32
        deserialize_u64 deserialize_f32 deserialize_f64
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_string(self.0)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.as_str() {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => visitor.visit_string(self.0),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(self.0.into_deserializer())
    }

    forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Page {
        #[serde(default)]
        after: u64,
        limit: Option<usize>,
        #[serde(default)]
        flag: bool,
        word: Option<Word>,
        text: Option<String>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Word {
        Replay,
    }

    #[test]
    fn parameters_become_what_is_wanted_of_them() {
        for query in
            ["after=7&limit=3&flag=true&word=replay&text=7", "text=%37&word=replay&flag=true&limit=3.0&after=7e0"]
        {
            let page = read::<Page>(query).expect(query);
            let wanted =
                Page { after: 7, limit: Some(3), flag: true, word: Some(Word::Replay), text: Some("7".into()) };
            assert_eq!(page, wanted);
        }
        assert_eq!(read::<Page>("").expect("nothing").after, 0);
    }

    #[test]
    fn what_is_wrong_is_told_in_words_for_people() {
        let long = format!("{}=1", "x".repeat(60_000));
        for (query, detail) in [
            ("after=-1", "The field \"after\" must be a whole number from 0."),
            ("after=1.5", "The field \"after\" must be a whole number from 0."),
            ("limit=x", "The field \"limit\" must be a whole number from 0."),
            ("limit=", "The field \"limit\" must be a whole number from 0."),
            ("flag=yes", "The field \"flag\" must be true or false."),
            ("word=play", "The field \"word\" does not take \"play\". It takes: replay."),
            ("page=2", "There is no field \"page\" here. The fields are: after, limit, flag, word, text."),
            ("after=1&after=2", "The field \"after\" stands twice. Send it once."),
            (
                &long,
                &format!(
                    "There is no field \"{}…\" here. The fields are: after, limit, flag, word, text.",
                    "x".repeat(60)
                ),
            ),
        ] {
            let problem = read::<Page>(query).expect_err(query).to_string();
            assert_eq!(problem, format!("BAD_QUERY: In the query string: {detail}"));
        }
    }
}
