//! Schemas are compared by names, under which a rename looks like a drop, and a drop with a new beginning like nothing. By
//! OIDs and column numbers the two are told apart.

use serde_json::Value;

use super::relations::Relations;
use crate::model::schema::{Change, Difference, ObjectKey, ObjectKind, PropertyChange};

/// The differences that a statement made, with each rename as a change of `name`, and with the tables and columns that it
/// dropped though others stand there by the same name.
pub(super) fn corrected(
    mut differences: Vec<Difference>,
    before: &Relations,
    after: &Relations,
) -> Vec<Difference> {
    for (oid, was) in before {
        let Some(kind) = was.object_kind() else {
            continue;
        };
        let Some(is) = after.get(oid) else {
            if matches!(
                kind,
                ObjectKind::Table | ObjectKind::MaterializedView | ObjectKind::ForeignTable
            ) {
                let again = after.values().any(|other| other.name == was.name);
                dropped(&mut differences, kind, &was.name, again);
            }
            continue;
        };
        if was.name != is.name {
            renamed(&mut differences, kind, &was.name, &is.name);
        }
        for (number, column) in was.columns() {
            match is.columns().find(|(other, _)| *other == number) {
                None => {
                    let again = is.columns().any(|(_, other)| other == column);
                    dropped(&mut differences, ObjectKind::Column, &column, again);
                }
                // The new name of the table alone does not make a new column.
                Some((_, now)) if column[was.name.len()..] != now[is.name.len()..] => {
                    renamed(&mut differences, ObjectKind::Column, &column, &now);
                }
                Some(_) => {}
            }
        }
    }
    differences.sort_by(|one, other| one.key.cmp(&other.key));
    differences
}

/// Sees to it that the drop is among the differences, and what has taken the name `again`.
fn dropped(differences: &mut Vec<Difference>, kind: ObjectKind, identity: &str, again: bool) {
    if find(differences, kind, identity, &Change::Dropped).is_some() {
        return;
    }
    // What else is said of the name is about two objects, of which one is gone.
    differences.retain(|difference| !is(difference, kind, identity));
    differences.push(difference(kind, identity, Change::Dropped));
    if again {
        differences.push(difference(kind, identity, Change::Added));
    }
}

/// Puts the change of a name in the place of the drop and the addition. An index that serves a constraint is known by that.
fn renamed(differences: &mut Vec<Difference>, kind: ObjectKind, from: &str, to: &str) {
    let old = find(differences, kind, from, &Change::Dropped);
    if old.is_none() && kind == ObjectKind::Index {
        return;
    }
    let was_there = |difference: &Difference| {
        is(difference, kind, from) && difference.change == Change::Dropped
            || is(difference, kind, to) && difference.change == Change::Added
    };
    differences.retain(|difference| !was_there(difference));
    let name = PropertyChange {
        name: "name".to_owned(),
        before: Some(Value::from(from)),
        after: Some(Value::from(to)),
    };
    differences.push(difference(kind, from, Change::Changed(vec![name])));
}

fn find(
    differences: &[Difference],
    kind: ObjectKind,
    identity: &str,
    change: &Change,
) -> Option<usize> {
    differences
        .iter()
        .position(|difference| is(difference, kind, identity) && difference.change == *change)
}

fn is(difference: &Difference, kind: ObjectKind, identity: &str) -> bool {
    difference.key.kind == kind && difference.key.identity == identity
}

fn difference(kind: ObjectKind, identity: &str, change: Change) -> Difference {
    let identity = identity.to_owned();
    Difference {
        key: ObjectKey { kind, identity },
        change,
        with: std::collections::BTreeMap::new(),
    }
}
