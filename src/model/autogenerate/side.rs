//! One of the two schemas, with its dependencies in both directions.

use std::collections::HashMap;

use serde_json::Value;

use super::{Facts, object::Object};
use crate::model::schema::{ON, ObjectKey, ObjectKind, Properties};

/// A schema as the planner looks at it.
pub(super) struct Side<'a> {
    pub(super) facts: &'a Facts,
    rests_on: HashMap<&'a ObjectKey, Vec<&'a ObjectKey>>,
    dependents: HashMap<&'a ObjectKey, Vec<&'a ObjectKey>>,
    /// Tables, views, domains and their like by identity: they share one name space.
    carriers: HashMap<&'a str, &'a ObjectKey>,
    /// What hangs on each of them.
    parts: HashMap<&'a ObjectKey, Vec<&'a ObjectKey>>,
    nothing: Properties,
}

impl<'a> Side<'a> {
    pub(super) fn new(facts: &'a Facts) -> Self {
        let objects = &facts.schema.objects;
        let mut side = Self {
            facts,
            rests_on: HashMap::new(),
            dependents: HashMap::new(),
            carriers: HashMap::new(),
            parts: HashMap::new(),
            nothing: Properties::new(),
        };
        for key in objects.keys().filter(|key| key.kind.carries_others()) {
            side.carriers.insert(&key.identity, key);
        }
        for (one, other) in &facts.dependencies {
            side.add(one, other);
        }
        for (key, properties) in objects {
            let carrier = properties.get(ON).and_then(Value::as_str);
            let carrier = carrier.and_then(|on| side.carriers.get(on).copied());
            let Some(carrier) = carrier else { continue };
            // A sequence that serves a column outlives neither; but it is made before both.
            if key.kind == ObjectKind::Sequence {
                continue;
            }
            side.parts.entry(carrier).or_default().push(key);
            side.add(key, carrier);
        }
        side.add_inherited();
        side
    }

    fn add(&mut self, one: &'a ObjectKey, other: &'a ObjectKey) {
        self.rests_on.entry(one).or_default().push(other);
        self.dependents.entry(other).or_default().push(one);
    }

    /// What a child has from its parent rests on what the parent has; the catalogs do not say so for columns and checks.
    fn add_inherited(&mut self) {
        let objects = &self.facts.schema.objects;
        let mut pairs = Vec::new();
        for (key, properties) in objects {
            let inherited = properties.get("origin").is_some();
            if !inherited || !matches!(key.kind, ObjectKind::Column | ObjectKind::Constraint) {
                continue;
            }
            let Some(object) = self.object(key) else {
                continue;
            };
            let Some(table) = self.carrier(key).and_then(|table| self.object(table)) else {
                continue;
            };
            for parent in table
                .text("partition of")
                .into_iter()
                .chain(table.list("inherits"))
            {
                let separator = if key.kind == ObjectKind::Column {
                    "."
                } else {
                    " on "
                };
                let identity = if key.kind == ObjectKind::Column {
                    format!("{parent}{separator}{}", object.name())
                } else {
                    format!("{}{separator}{parent}", object.name())
                };
                let of_parent = ObjectKey {
                    kind: key.kind,
                    identity,
                };
                if let Some((of_parent, _)) = objects.get_key_value(&of_parent) {
                    pairs.push((key, of_parent));
                }
            }
        }
        for (one, other) in pairs {
            self.add(one, other);
        }
    }

    pub(super) fn object(&self, key: &ObjectKey) -> Option<Object<'_>> {
        let (key, properties) = self.facts.schema.objects.get_key_value(key)?;
        let details = self.facts.details.get(key).unwrap_or(&self.nothing);
        Some(Object {
            key,
            properties,
            details,
        })
    }

    pub(super) fn has(&self, key: &ObjectKey) -> bool {
        self.facts.schema.objects.contains_key(key)
    }

    /// What the object rests on.
    pub(super) fn rests_on(&self, key: &ObjectKey) -> &[&'a ObjectKey] {
        self.rests_on
            .get(key)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// What rests on the object.
    pub(super) fn dependents(&self, key: &ObjectKey) -> &[&'a ObjectKey] {
        self.dependents
            .get(key)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// All pairs of which the first rests on the second.
    pub(super) fn dependencies(&self) -> impl Iterator<Item = (&'a ObjectKey, &'a ObjectKey)> {
        self.rests_on
            .iter()
            .flat_map(|(one, others)| others.iter().map(|other| (*one, *other)))
    }

    /// The table, view, domain or type that the object hangs on; of a sequence that serves a column, the table.
    pub(super) fn carrier(&self, key: &ObjectKey) -> Option<&'a ObjectKey> {
        let on = self.facts.schema.objects.get(key)?.get(ON)?.as_str()?;
        self.carriers.get(on).copied()
    }

    /// The table, view or type of that name.
    pub(super) fn carrier_named(&self, identity: &str) -> Option<&'a ObjectKey> {
        self.carriers.get(identity).copied()
    }

    /// The table that a partition is one of.
    pub(super) fn partitioned_table(&self, partition: &ObjectKey) -> Option<&'a ObjectKey> {
        let parent = self.facts.schema.objects.get(partition)?;
        self.carrier_named(parent.get("partition of")?.as_str()?)
    }

    /// What hangs on the object.
    pub(super) fn parts(&self, key: &ObjectKey) -> &[&'a ObjectKey] {
        self.parts.get(key).map(Vec::as_slice).unwrap_or_default()
    }

    /// The columns of a table or view, in their order.
    pub(super) fn columns(&self, key: &ObjectKey) -> Vec<Object<'_>> {
        let parts = self.parts(key).iter();
        let columns = parts.filter(|part| part.kind == ObjectKind::Column);
        let mut columns: Vec<Object<'_>> =
            columns.filter_map(|column| self.object(column)).collect();
        columns.sort_by_key(|column| column.detail_number("position"));
        columns
    }

    /// The column that a sequence serves.
    pub(super) fn owner_column(&self, sequence: &ObjectKey) -> Option<&'a ObjectKey> {
        let column = self.object(sequence)?.text("owned by")?;
        let key = ObjectKey {
            kind: ObjectKind::Column,
            identity: column.to_owned(),
        };
        self.facts
            .schema
            .objects
            .get_key_value(&key)
            .map(|(key, _)| key)
    }

    /// The sequence that an identity column makes.
    pub(super) fn identity_sequence(&self, column: &ObjectKey) -> Option<Object<'_>> {
        let dependents = self.dependents(column).iter();
        let mut sequences = dependents.filter(|key| key.kind == ObjectKind::Sequence);
        let found =
            sequences.find_map(|key| self.object(key).filter(|object| object.flag("identity")))?;
        Some(found)
    }
}
