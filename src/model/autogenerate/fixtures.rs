//! Objects and whole schemas for tests.

use serde_json::Value;

use super::{Facts, object::Object};
use crate::model::schema::{ObjectKey, ObjectKind, Properties};

/// What an [`Object`] borrows from.
pub(super) struct Fixture {
    key: ObjectKey,
    properties: Properties,
    details: Properties,
}

impl Fixture {
    /// An object with properties; as the reader does, those that are null are left out.
    pub(super) fn new<'a>(
        kind: ObjectKind,
        identity: &str,
        properties: impl IntoIterator<Item = (&'a str, Value)>,
    ) -> Self {
        Self {
            key: ObjectKey {
                kind,
                identity: identity.to_owned(),
            },
            properties: collected(properties),
            details: Properties::new(),
        }
    }

    /// The same with details.
    pub(super) fn with_details<'a>(
        mut self,
        details: impl IntoIterator<Item = (&'a str, Value)>,
    ) -> Self {
        self.details = collected(details);
        self
    }

    pub(super) fn object(&self) -> Object<'_> {
        Object {
            key: &self.key,
            properties: &self.properties,
            details: &self.details,
        }
    }
}

/// Facts of a schema that a test makes up, all of it in the schema `public`.
#[derive(Clone, Default)]
pub(super) struct Ground(pub(super) Facts);

impl Ground {
    /// An object; as the reader does, properties that are null are left out.
    pub(super) fn with(mut self, kind: ObjectKind, identity: &str, properties: &Value) -> Self {
        let named = properties.as_object().into_iter().flatten();
        let named = named.map(|(name, value)| (name.as_str(), value.clone()));
        let mut properties = collected(named);
        properties
            .entry("schema".to_owned())
            .or_insert_with(|| "public".into());
        self.0
            .schema
            .objects
            .insert(key(kind, identity), properties);
        self
    }

    /// A table with columns, each with its type.
    pub(super) fn table(mut self, table: &str, columns: &[(&str, &str)]) -> Self {
        self = self.with(
            ObjectKind::Table,
            table,
            &serde_json::json!({"persistence": "permanent", "replica identity": "default"}),
        );
        for (place, (name, kind)) in columns.iter().enumerate() {
            let identity = format!("{table}.{name}");
            self = self.with(
                ObjectKind::Column,
                &identity,
                &serde_json::json!({"on": table, "type": kind}),
            );
            let position = collected([("position", (place + 1).into())]);
            self.0
                .details
                .insert(key(ObjectKind::Column, &identity), position);
        }
        self
    }

    /// The same with another value of one property, or without it where that is null.
    pub(super) fn but(
        mut self,
        kind: ObjectKind,
        identity: &str,
        name: &str,
        value: Value,
    ) -> Self {
        let key = key(kind, identity);
        if let Some(properties) = self.0.schema.objects.get_mut(&key) {
            properties.retain(|other, _| other != name);
            properties.extend(collected([(name, value)]));
        }
        self
    }

    /// A detail of an object.
    pub(super) fn detail(
        mut self,
        kind: ObjectKind,
        identity: &str,
        name: &str,
        value: Value,
    ) -> Self {
        let details = self.0.details.entry(key(kind, identity)).or_default();
        details.insert(name.to_owned(), value);
        self
    }

    /// The first rests on the second.
    pub(super) fn rests(mut self, one: (ObjectKind, &str), other: (ObjectKind, &str)) -> Self {
        let pair = (key(one.0, one.1), key(other.0, other.1));
        self.0.dependencies.insert(pair);
        self
    }
}

/// The key of an object.
pub(super) fn key(kind: ObjectKind, identity: &str) -> ObjectKey {
    ObjectKey {
        kind,
        identity: identity.to_owned(),
    }
}

fn collected<'a>(named: impl IntoIterator<Item = (&'a str, Value)>) -> Properties {
    let named = named.into_iter().filter(|(_, value)| !value.is_null());
    named
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
