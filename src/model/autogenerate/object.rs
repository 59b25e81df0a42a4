//! One object of a schema as those who write statements see it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::model::schema::{ON, ObjectKey, ObjectKind, Properties};

/// Properties that [`super::annotations`] writes for all kinds alike, and those that follow from where an object is.
const COMMON: &[&str] = &[
    "acl",
    "comment",
    "on",
    "origin",
    "owner",
    "schema",
    "security labels",
];

/// An object with all that is known of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object<'a> {
    pub(super) key: &'a ObjectKey,
    pub(super) properties: &'a Properties,
    /// What comparisons leave out.
    pub(super) details: &'a Properties,
}

impl<'a> Object<'a> {
    pub(super) fn kind(&self) -> ObjectKind {
        self.key.kind
    }

    pub(super) fn identity(&self) -> &'a str {
        &self.key.identity
    }

    /// A property that is a text.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.properties.get(name).and_then(Value::as_str)
    }

    /// A property that is a text, empty where there is none.
    pub(super) fn text_or_empty(&self, name: &str) -> &'a str {
        self.text(name).unwrap_or_default()
    }

    /// A property that is a list of texts, empty where there is none.
    pub(super) fn list(&self, name: &str) -> Vec<&'a str> {
        texts(self.properties.get(name))
    }

    /// Whether a property is `true`.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.properties.get(name).and_then(Value::as_bool) == Some(true)
    }

    /// A property that is a number.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.properties.get(name).and_then(Value::as_i64)
    }

    /// A detail that is a text.
    pub(super) fn detail(&self, name: &str) -> Option<&'a str> {
        self.details.get(name).and_then(Value::as_str)
    }

    /// A detail that is a list of texts.
    pub(super) fn detail_list(&self, name: &str) -> Vec<&'a str> {
        texts(self.details.get(name))
    }

    /// A detail that is a number.
    pub(super) fn detail_number(&self, name: &str) -> Option<i64> {
        self.details.get(name).and_then(Value::as_i64)
    }

    /// The table, view, domain or type that it hangs on.
    pub(super) fn on(&self) -> Option<&'a str> {
        self.text(ON)
    }

    /// The name without the schema and what it hangs on, quoted where needed: `total` of `public.orders.total`, `stamp` of
    /// `stamp on public.orders`.
    pub(super) fn name(&self) -> &'a str {
        let identity = self.identity();
        let on = self.on().unwrap_or_default();
        let of_table = identity.strip_suffix(on).and_then(|rest| {
            rest.strip_suffix(" on ")
                .or_else(|| rest.strip_suffix(" on domain "))
        });
        if let (Some(name), false) = (of_table, on.is_empty()) {
            return name;
        }
        if self.kind() == ObjectKind::Column {
            let rest = identity
                .strip_prefix(on)
                .and_then(|rest| rest.strip_prefix('.'));
            return rest.unwrap_or(identity);
        }
        let schema = self.text_or_empty("schema");
        let rest = identity
            .strip_prefix(schema)
            .and_then(|rest| rest.strip_prefix('.'));
        rest.unwrap_or(identity)
    }
}

fn texts(value: Option<&Value>) -> Vec<&str> {
    let list = value.and_then(Value::as_array);
    list.map(|list| list.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default()
}

/// The properties that differ, less those that are written for all kinds alike.
pub(super) fn changed<'a>(old: &Object<'a>, new: &Object<'a>) -> BTreeSet<&'a str> {
    let names = old.properties.keys().chain(new.properties.keys());
    names
        .map(String::as_str)
        .filter(|name| {
            !COMMON.contains(name) && old.properties.get(*name) != new.properties.get(*name)
        })
        .collect()
}

/// A text as SQL writes it.
pub(super) fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if text.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}
