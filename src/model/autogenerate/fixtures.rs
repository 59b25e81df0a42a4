//! Objects for tests.

use serde_json::Value;

use super::object::Object;
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

fn collected<'a>(named: impl IntoIterator<Item = (&'a str, Value)>) -> Properties {
    let named = named.into_iter().filter(|(_, value)| !value.is_null());
    named
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
