//! Schema: a database's whole schema as flat facts that can be compared, stored and fingerprinted.
//!
//! `postgres::catalog` reads it from a database; drift checks, fingerprints and the proof that a downgrade undoes its
//! upgrade compare it. Each object is a key and named properties, in PostgreSQL's own words. Two properties tie objects
//! together: `schema` is the schema that an object is in, and `on` the table, view, domain or type that it hangs on and
//! goes with.

mod difference;
mod kind;
mod pattern;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use difference::{Change, Difference, PropertyChange};
pub use kind::{ObjectKind, UnknownKind};
pub use pattern::{ObjectPattern, PatternError};

/// Stands at the head of what is hashed. It changes when the canonical form does, or what is read from a database: then no
/// old fingerprint can be taken for a new one.
const FINGERPRINT_VERSION: &str = "pgsteward schema 1";

/// The name of the property that holds the schema of an object, quoted where PostgreSQL would.
pub const IN_SCHEMA: &str = "schema";

/// The name of the property that holds the identity of the table, view, domain or type that an object hangs on.
pub const ON: &str = "on";

/// What an object is like, by names such as `type`, `owner`, `comment`. A property that has nothing to say is left out.
pub type Properties = BTreeMap<String, Value>;

/// Which object. Shown as `column public.orders.total`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectKey {
    /// The kind of object.
    pub kind: ObjectKind,
    /// Its name as PostgreSQL writes it, unique within the kind: `public.orders`, `public.area(integer, integer)`,
    /// `stamp on public.orders`.
    pub identity: String,
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.kind, self.identity)
    }
}

/// All objects of a database that are its schema. As JSON it is a list of `{kind, identity, properties}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    /// The objects by key.
    pub objects: BTreeMap<ObjectKey, Properties>,
}

impl Schema {
    /// 64 hexadecimal digits that are equal for equal schemas, and else differ.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(FINGERPRINT_VERSION);
        for (key, properties) in &self.objects {
            // A Value's objects are sorted by name, strings are escaped, and no line holds a line end.
            let line = serde_json::json!([key.kind.name(), key.identity, properties]);
            hash.update(format!("\n{line}"));
        }
        let mut digits = String::with_capacity(64);
        for byte in hash.finalize() {
            // Writing to a String cannot fail.
            let _ = write!(digits, "{byte:02x}");
        }
        digits
    }

    /// What changed from this schema to `live`, in the order of the keys. What came or went together with the table, view
    /// or domain that it hangs on is counted there and not listed.
    pub fn differences(&self, live: &Self) -> Vec<Difference> {
        difference::between(self, live)
    }

    /// The schema that is expected after a migration, where `reference` was expected before it.
    ///
    /// An object that the migration left as it was (equal in `before` and `after`) stays as the reference says, be it
    /// absent; every other is as in `after`. So a migration does not make drift that stood before it look intended.
    #[must_use]
    pub fn carry(reference: &Self, before: &Self, after: &Self) -> Self {
        let keys = reference
            .objects
            .keys()
            .chain(before.objects.keys())
            .chain(after.objects.keys());
        let carried = keys.filter_map(|key| {
            let untouched = before.objects.get(key) == after.objects.get(key);
            let said_by = if untouched { reference } else { after };
            said_by
                .objects
                .get(key)
                .map(|properties| (key.clone(), properties.clone()))
        });
        Self {
            objects: carried.collect(),
        }
    }

    /// The schema less all objects that one of the patterns speaks of.
    #[must_use]
    pub fn without(mut self, patterns: &[ObjectPattern]) -> Self {
        self.objects.retain(|key, properties| {
            !patterns
                .iter()
                .any(|pattern| pattern.covers(key, properties))
        });
        self
    }
}

#[derive(Serialize)]
struct ObjectRef<'a> {
    #[serde(flatten)]
    key: &'a ObjectKey,
    properties: &'a Properties,
}

#[derive(Deserialize)]
struct Object {
    #[serde(flatten)]
    key: ObjectKey,
    properties: Properties,
}

impl Serialize for Schema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let objects = self.objects.iter();
        serializer.collect_seq(objects.map(|(key, properties)| ObjectRef { key, properties }))
    }
}

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut objects = BTreeMap::new();
        for Object { key, properties } in Vec::<Object>::deserialize(deserializer)? {
            if objects.contains_key(&key) {
                return Err(D::Error::custom(format!("{key} is listed twice")));
            }
            objects.insert(key, properties);
        }
        Ok(Self { objects })
    }
}
