//! What is the same but for its name.
//!
//! Indexes, constraints and the sequences of columns are renamed without asking: nothing is lost either way, and it spares
//! building them again. For a table or a column a guess could lose rows, so that the request must say what is meant.

use std::collections::BTreeSet;

use super::{
    Candidate, Decisions, Renames, object::Object, rules::taken_name, side::Side,
    write::constraints,
};
use crate::model::schema::{ObjectKey, ObjectKind};

pub(super) fn renames(
    old: &Side<'_>,
    new: &Side<'_>,
    decisions: &Decisions,
) -> Result<Renames, Vec<Candidate>> {
    let mut renames = Renames::default();
    for kind in [ObjectKind::Table, ObjectKind::Column] {
        for (before, after) in decided(old, new, decisions, kind) {
            renames.add(&before, &after);
        }
        // What hangs on a table is found under its new name only after this was run.
        if !renames.forward.is_empty() {
            return Ok(renames);
        }
    }
    let candidates = candidates(old, new, decisions);
    if !candidates.is_empty() {
        return Err(candidates);
    }
    let there = old.facts.schema.objects.keys();
    let mut taken: BTreeSet<String> = there.filter_map(|key| taken_name(old, key)).collect();
    for (before, after) in same_but_for_the_name(old, new) {
        let name = taken_name(new, after.key);
        if name.is_some_and(|name| !taken.insert(name)) {
            continue;
        }
        renames.add(&before, &after);
    }
    Ok(renames)
}

impl Renames {
    fn add(&mut self, before: &Object<'_>, after: &Object<'_>) {
        self.forward.extend(statements(before, after));
        let mut backward = statements(after, before);
        backward.append(&mut self.backward);
        self.backward = backward;
    }
}

fn statements(from: &Object<'_>, to: &Object<'_>) -> Vec<String> {
    let (name, on) = (to.name(), from.on().unwrap_or_default());
    let statement = match from.kind() {
        ObjectKind::Table => return table(from, to),
        ObjectKind::Column => format!("ALTER TABLE {on} RENAME COLUMN {} TO {name}", from.name()),
        ObjectKind::Index => format!("ALTER INDEX {} RENAME TO {name}", from.identity()),
        ObjectKind::Sequence => format!("ALTER SEQUENCE {} RENAME TO {name}", from.identity()),
        _ if constraints::has_index(from) => {
            format!("ALTER INDEX {} RENAME TO {name}", constraints::index(from))
        }
        _ => format!(
            "{} RENAME CONSTRAINT {} TO {name}",
            constraints::carrier(from, false),
            from.name()
        ),
    };
    vec![statement]
}

/// A table that is moved to another schema and renamed goes by a name that is free in neither case.
fn table(from: &Object<'_>, to: &Object<'_>) -> Vec<String> {
    let (schema, name) = (to.text_or_empty("schema"), to.name());
    let mut statements = Vec::new();
    let mut identity = from.identity().to_owned();
    if from.text("schema") != to.text("schema") {
        statements.push(format!("ALTER TABLE {identity} SET SCHEMA {schema}"));
        identity = format!("{schema}.{}", from.name());
    }
    if from.name() != name {
        statements.push(format!("ALTER TABLE {identity} RENAME TO {name}"));
    }
    statements
}

/// The pairs that the request names.
fn decided<'s>(
    old: &'s Side<'_>,
    new: &'s Side<'_>,
    decisions: &Decisions,
    kind: ObjectKind,
) -> Vec<(Object<'s>, Object<'s>)> {
    let key = |identity: &str| ObjectKey {
        kind,
        identity: identity.to_owned(),
    };
    let pairs = decisions.renames.iter().filter_map(|(before, after)| {
        let (before, after) = (key(before), key(after));
        if new.has(&before) || old.has(&after) {
            return None;
        }
        old.object(&before).zip(new.object(&after))
    });
    pairs.collect()
}

/// Dropped tables and columns that may be added ones, and of which the request says nothing.
fn candidates(old: &Side<'_>, new: &Side<'_>, decisions: &Decisions) -> Vec<Candidate> {
    let dropped = old.facts.schema.objects.keys().filter(|key| {
        matches!(key.kind, ObjectKind::Table | ObjectKind::Column)
            && !new.has(key)
            && !decisions.drops.contains(&key.identity)
    });
    let candidates = dropped.filter_map(|key| {
        let before = old.object(key)?;
        let added = new
            .facts
            .schema
            .objects
            .keys()
            .filter(|other| other.kind == key.kind && !old.has(other));
        let added = added.filter(|other| {
            new.object(other).is_some_and(|after| match key.kind {
                ObjectKind::Table => same_table(old, new, &before, &after),
                _ => same_column(old, new, &before, &after),
            })
        });
        let added: Vec<ObjectKey> = added.cloned().collect();
        (!added.is_empty()).then(|| Candidate {
            dropped: key.clone(),
            added,
        })
    });
    candidates.collect()
}

/// Whether two tables have the same columns. Partitions come and go by their bounds.
fn same_table(old: &Side<'_>, new: &Side<'_>, before: &Object<'_>, after: &Object<'_>) -> bool {
    if before.text("partition of").is_some() || after.text("partition of").is_some() {
        return false;
    }
    let shape = |side: &Side<'_>, table: &Object<'_>| -> BTreeSet<(String, String)> {
        let columns = side.columns(table.key);
        let columns = columns.iter();
        columns
            .map(|column| {
                (
                    column.name().to_owned(),
                    column.text_or_empty("type").to_owned(),
                )
            })
            .collect()
    };
    let (before, after) = (shape(old, before), shape(new, after));
    !before.is_empty() && before == after
}

/// Whether two columns of one table have the same type.
fn same_column(old: &Side<'_>, new: &Side<'_>, before: &Object<'_>, after: &Object<'_>) -> bool {
    let table = old
        .carrier(before.key)
        .filter(|table| table.kind == ObjectKind::Table);
    table.is_some()
        && table == new.carrier(after.key)
        && before.text("type") == after.text("type")
        && before.text("collation") == after.text("collation")
        && before.text("generated").is_some() == after.text("generated").is_some()
        && before.text("origin") != Some("inherited")
        && after.text("origin") != Some("inherited")
}

fn same_but_for_the_name<'s>(
    old: &'s Side<'_>,
    new: &'s Side<'_>,
) -> Vec<(Object<'s>, Object<'s>)> {
    let renamed = |kind| {
        matches!(
            kind,
            ObjectKind::Index | ObjectKind::Constraint | ObjectKind::Sequence
        )
    };
    let mut added: Vec<Object<'s>> = new
        .facts
        .schema
        .objects
        .keys()
        .filter(|key| renamed(key.kind) && !old.has(key))
        .filter_map(|key| new.object(key))
        .collect();
    let mut pairs = Vec::new();
    for key in old
        .facts
        .schema
        .objects
        .keys()
        .filter(|key| renamed(key.kind) && !new.has(key))
    {
        let Some(before) = old.object(key) else {
            continue;
        };
        if let Some(place) = added.iter().position(|after| is_same(&before, after)) {
            pairs.push((before, added.remove(place)));
        }
    }
    pairs
}

fn is_same(before: &Object<'_>, after: &Object<'_>) -> bool {
    if before.kind() != after.kind() || before.on() != after.on() {
        return false;
    }
    match before.kind() {
        ObjectKind::Sequence => {
            before.text("owned by").is_some()
                && before.text("owned by") == after.text("owned by")
                && before.flag("identity") == after.flag("identity")
                && before.text("schema") == after.text("schema")
        }
        ObjectKind::Index => {
            let differ = before
                .properties
                .keys()
                .chain(after.properties.keys())
                .any(|name| {
                    !matches!(name.as_str(), "definition" | "comment" | "partition of")
                        && before.properties.get(name) != after.properties.get(name)
                });
            !differ && nameless(before) == nameless(after)
        }
        // A check or key of a partition has the name of its parent's.
        _ => {
            let inherited =
                before.text("origin") == Some("inherited") && !constraints::has_index(before);
            let less_comments = |object: &Object<'_>| {
                let mut properties = object.properties.clone();
                properties.remove("comment");
                properties.remove("index comment");
                properties
            };
            !inherited && less_comments(before) == less_comments(after)
        }
    }
}

/// The definition of an index without its name.
fn nameless(index: &Object<'_>) -> String {
    index.text_or_empty("definition").replacen(
        &format!(" INDEX {} ON ", index.name()),
        " INDEX ON ",
        1,
    )
}
