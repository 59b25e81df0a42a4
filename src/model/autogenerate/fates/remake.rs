//! What no statement can alter in place, for reasons that a look at the object alone does not show.

use super::{Fate, Fates};
use crate::model::{
    autogenerate::{names, object::Object, side::Side, write::columns},
    schema::{ObjectKey, ObjectKind},
};

impl<'a> Fates<'a> {
    /// What a table has from its parents alone, and what is its own besides, no statement can make of each other; and the
    /// type of a column that the partition key uses is fixed. The table is made again, and gets its rows back.
    pub(super) fn remake_tables(&mut self, old: &Side<'a>, new: &Side<'a>) {
        let altered = self.of.iter().filter(|(_, fate)| **fate == Fate::Alter);
        let tables = altered.filter_map(|(key, _)| {
            let table = old
                .carrier(key)
                .filter(|table| table.kind == ObjectKind::Table)?;
            let (before, after) = old.object(key).zip(new.object(key))?;
            let of_key = key.kind == ObjectKind::Column
                && columns::is_retyped(&before, &after)
                && is_in_partition_key(old, table, &before);
            let whole = new
                .object(table)
                .is_some_and(|table| table.text("partition of").is_none());
            let becomes = (before.text("origin"), after.text("origin"));
            let of_origin = matches!(key.kind, ObjectKind::Column | ObjectKind::Constraint)
                && whole
                && matches!(
                    becomes,
                    (None | Some("local and inherited"), Some("inherited"))
                        | (Some("inherited"), Some("local and inherited"))
                );
            (of_key || of_origin).then_some(table)
        });
        for table in tables.collect::<Vec<_>>() {
            self.of.insert(table, Fate::Replace);
        }
    }

    /// A column that loses its identity does so early: its sequence may make room for one of the same name.
    pub(super) fn release_identities(&mut self, old: &Side<'a>, new: &Side<'a>) {
        let altered = self.of.iter().filter(|(_, fate)| **fate == Fate::Alter);
        let columns = altered
            .map(|(key, _)| *key)
            .filter(|key| key.kind == ObjectKind::Column);
        let has_identity = |side: &Side<'a>, key: &ObjectKey| {
            side.object(key)
                .is_some_and(|column| column.text("identity").is_some())
        };
        let losing = columns.filter(|key| has_identity(old, key) && !has_identity(new, key));
        self.released.extend(losing.collect::<Vec<_>>());
    }

    /// A label that was added to an enum cannot be used in the same transaction: where it may have to be, the enum is made
    /// anew.
    pub(super) fn remake_enums(&mut self, new: &Side<'a>) {
        let altered = self.of.iter().filter(|(_, fate)| **fate == Fate::Alter);
        let enums = altered
            .map(|(key, _)| *key)
            .filter(|key| key.kind == ObjectKind::Enum);
        let used: Vec<&ObjectKey> = enums
            .filter(|key| {
                // The bounds of a partition may name a label too.
                new.dependents(key).iter().any(|user| {
                    let carrier = new.carrier(user);
                    self.of.contains_key(user)
                        || carrier.is_some_and(|carrier| self.of.contains_key(carrier))
                })
            })
            .collect();
        for key in used {
            self.of.insert(key, Fate::Replace);
        }
    }
}

/// Whether a column's name stands in the partition key of its table.
pub(super) fn is_in_partition_key(side: &Side<'_>, table: &ObjectKey, column: &Object<'_>) -> bool {
    let table = side.object(table);
    let Some(key) = table
        .as_ref()
        .and_then(|table| table.text("partitioned by"))
    else {
        return false;
    };
    let name = names::bare(column.name());
    let of_name = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '$';
    key.match_indices(&name).any(|(place, _)| {
        let before = key[..place].chars().next_back();
        let after = key[place + name.len()..].chars().next();
        !before.is_some_and(of_name) && !after.is_some_and(of_name)
    })
}
