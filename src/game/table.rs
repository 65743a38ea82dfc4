//! Tables of content: definitions under ids, and indices that cannot name a definition that is not there.
//!
//! The rules hold an [`Ix`] (two bytes, copied) where a file or a client says an id. An index is only made by looking an id
//! up, so using one needs no check.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::ops::Index;

use garde::Validate;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The index of a definition in the [`Table`] of its kind. Only good for the content it was looked up in.
pub struct Ix<T>(u16, PhantomData<fn() -> T>);

impl<T> Ix<T> {
    const UNRESOLVED: Self = Self(u16::MAX, PhantomData);
}

impl<T> Clone for Ix<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Ix<T> {}
impl<T> PartialEq for Ix<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for Ix<T> {}
impl<T> PartialOrd for Ix<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Ix<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<T> Hash for Ix<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<T> fmt::Debug for Ix<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// Definitions of one kind, in the order of their ids.
#[derive(Debug)]
pub struct Table<T> {
    ids: Vec<String>,
    defs: Vec<T>,
}

impl<T> Table<T> {
    /// The most definitions a table takes; an index is two bytes and a game holds many.
    pub const MAX: usize = 1_000;

    /// The index of an id.
    pub fn find(&self, id: &str) -> Option<Ix<T>> {
        let at = self.ids.binary_search_by(|known| known.as_str().cmp(id)).ok()?;
        u16::try_from(at).ok().map(|at| Ix(at, PhantomData))
    }

    /// The id of an index.
    pub fn id(&self, ix: Ix<T>) -> &str {
        &self.ids[usize::from(ix.0)]
    }

    /// All definitions with their indices, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (Ix<T>, &T)> {
        (0..).map(|at| Ix(at, PhantomData)).zip(&self.defs)
    }

    /// All indices.
    pub fn indices(&self) -> impl Iterator<Item = Ix<T>> + use<'_, T> {
        self.iter().map(|(ix, _)| ix)
    }

    /// How many definitions there are.
    pub fn len(&self) -> usize {
        self.defs.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.defs.is_empty()
    }

    /// Resolves references from definitions to others of the same table: of each that leads nowhere, who has it and what it says.
    pub(super) fn resolve_own(&mut self, of: impl Fn(&mut T) -> Option<&mut Ref<T>>) -> Vec<(String, String)> {
        let mut lost = Vec::new();
        for at in 0..self.defs.len() {
            let Some(id) = of(&mut self.defs[at]).map(|own| own.id.clone()) else { continue };
            match (self.find(&id), of(&mut self.defs[at])) {
                (Some(ix), Some(own)) => own.ix = ix,
                _ => lost.push((self.ids[at].clone(), id)),
            }
        }
        lost
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut T)> {
        self.ids.iter().map(String::as_str).zip(&mut self.defs)
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { ids: Vec::new(), defs: Vec::new() }
    }
}

impl<T> Index<Ix<T>> for Table<T> {
    type Output = T;
    fn index(&self, ix: Ix<T>) -> &T {
        &self.defs[usize::from(ix.0)]
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let by_id = BTreeMap::<String, T>::deserialize(deserializer)?;
        if by_id.len() > Self::MAX {
            return Err(serde::de::Error::custom(format!("more than {} entries", Self::MAX)));
        }
        let (ids, defs) = by_id.into_iter().unzip();
        Ok(Self { ids, defs })
    }
}

impl<T: Serialize> Serialize for Table<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.ids.iter().zip(&self.defs))
    }
}

impl<T: Validate> Validate for Table<T> {
    type Context = T::Context;
    fn validate_into(
        &self,
        context: &Self::Context,
        parent: &mut dyn FnMut() -> garde::Path,
        report: &mut garde::Report,
    ) {
        for (id, def) in self.ids.iter().zip(&self.defs) {
            def.validate_into(context, &mut || parent().join(id.as_str()), report);
        }
    }
}

/// A schema's keyword for what the keys of a table define.
pub(super) const DEFINES: &str = "x-defines";
/// A schema's keyword for what a string refers to.
pub(super) const REFERS: &str = "x-refers-to";

impl<T: JsonSchema> JsonSchema for Table<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Table_of_{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "additionalProperties": generator.subschema_for::<T>(),
            "maxProperties": Self::MAX,
            DEFINES: T::schema_name(),
        })
    }
}

/// A reference from one definition to another: written as an id, resolved once when the content is loaded.
pub struct Ref<T> {
    id: String,
    ix: Ix<T>,
}

impl<T> Ref<T> {
    /// What it refers to.
    pub fn ix(&self) -> Ix<T> {
        self.ix
    }

    /// Looks the id up; the id itself is the error when it is not there.
    pub(super) fn resolve(&mut self, table: &Table<T>) -> Result<(), String> {
        self.ix = table.find(&self.id).ok_or_else(|| self.id.clone())?;
        Ok(())
    }
}

impl<T> fmt::Debug for Ref<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}

impl<'de, T> Deserialize<'de> for Ref<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { id: String::deserialize(deserializer)?, ix: Ix::UNRESOLVED })
    }
}

impl<T> Serialize for Ref<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.id)
    }
}

impl<T: JsonSchema> JsonSchema for Ref<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Id_of_{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", REFERS: T::schema_name() })
    }
}
