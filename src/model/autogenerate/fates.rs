//! What becomes of each object on the way from one schema to the other.
//!
//! First each object that differs is looked at by itself: it is made, dropped, altered, or dropped and made again. Then this
//! spreads: what rests on something that goes, or becomes another thing of the same name, must let it go too.

mod remake;

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Form,
    object::Object,
    side::Side,
    write::{self, columns, constraints, tables},
};
use crate::model::schema::{ObjectKey, ObjectKind};

/// What becomes of an object that does not stay as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is made.
    Create,
    /// It is dropped.
    Drop,
    /// It is altered in place.
    Alter,
    /// It is dropped and made again.
    Replace,
}

/// The fates of all objects that do not stay as they are.
#[derive(Default)]
pub(super) struct Fates<'a> {
    /// By object.
    of: BTreeMap<&'a ObjectKey, Fate>,
    /// Columns that get another type, be it one of the same name.
    pub(super) retyped: BTreeSet<&'a ObjectKey>,
    /// Columns whose default is dropped before what it uses, and set again; sequences that lose their column.
    pub(super) released: BTreeSet<&'a ObjectKey>,
    /// Columns whose values wait as text while their type is dropped and made again.
    pub(super) by_way_of_text: BTreeSet<&'a ObjectKey>,
}

impl<'a> Fates<'a> {
    pub(super) fn get(&self, key: &ObjectKey) -> Option<Fate> {
        self.of.get(key).copied()
    }

    /// Whether the object that was there goes.
    pub(super) fn goes(&self, key: &ObjectKey) -> bool {
        matches!(self.get(key), Some(Fate::Drop | Fate::Replace))
    }

    /// Whether the object that will be there is new.
    pub(super) fn comes(&self, key: &ObjectKey) -> bool {
        matches!(self.get(key), Some(Fate::Create | Fate::Replace))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a ObjectKey, Fate)> {
        self.of.iter().map(|(key, fate)| (*key, *fate))
    }

    pub(super) fn decide(old: &Side<'a>, new: &Side<'a>, form: Form) -> Self {
        let mut fates = Self::default();
        for key in old.facts.schema.objects.keys() {
            if let Some(fate) = own_fate(old, new, key) {
                fates.of.insert(key, fate);
            }
        }
        for key in new.facts.schema.objects.keys().filter(|key| !old.has(key)) {
            fates.of.insert(key, Fate::Create);
        }
        fates.release_identities(old, new);
        fates.remake_tables(old, new);
        if form == Form::OneTransaction {
            fates.remake_enums(new);
        }
        fates.spread(old, new);
        fates
    }

    fn spread(&mut self, old: &Side<'a>, new: &Side<'a>) {
        let mut waiting: Vec<&'a ObjectKey> = Vec::new();
        for (key, fate) in &self.of {
            match fate {
                Fate::Drop | Fate::Replace => waiting.push(key),
                Fate::Alter if key.kind == ObjectKind::Column => {
                    let pair = old.object(key).zip(new.object(key));
                    let of_table = old.carrier(key).is_some_and(|carrier| {
                        matches!(carrier.kind, ObjectKind::Table | ObjectKind::ForeignTable)
                    });
                    if of_table && pair.is_some_and(|(old, new)| columns::is_retyped(&old, &new)) {
                        waiting.push(key);
                    }
                }
                _ => {}
            }
        }
        for key in &waiting {
            if self.get(key) == Some(Fate::Alter) {
                self.retyped.insert(key);
            }
        }
        while let Some(key) = waiting.pop() {
            let dependents: Vec<&'a ObjectKey> = old.dependents(key).to_vec();
            for user in dependents {
                if !new.has(user) || self.goes(user) {
                    continue;
                }
                let effect = if self.goes(key) {
                    self.effect_of_loss(old, new, key, user)
                } else {
                    effect_of_retyping(old, new, user, self.by_way_of_text.contains(key))
                };
                match effect {
                    Effect::None => {}
                    Effect::Replace => {
                        self.of.insert(user, Fate::Replace);
                        self.retyped.remove(user);
                        waiting.push(user);
                    }
                    Effect::Retype
                        if old.carrier(user).zip(old.object(user)).is_some_and(
                            |(table, column)| remake::is_in_partition_key(old, table, &column),
                        ) =>
                    {
                        if let Some(table) = old.carrier(user) {
                            self.of.insert(table, Fate::Replace);
                            waiting.push(table);
                        }
                    }
                    Effect::Retype => {
                        self.of.insert(user, Fate::Alter);
                        if key.kind == ObjectKind::Range {
                            self.released.insert(user);
                            self.by_way_of_text.insert(user);
                        }
                        if self.retyped.insert(user) {
                            waiting.push(user);
                        }
                    }
                    Effect::Release => {
                        self.of.entry(user).or_insert(Fate::Alter);
                        self.released.insert(user);
                    }
                }
            }
        }
        self.release_sequences(old, new);
    }

    /// What becomes of `user` when what it rests on goes.
    fn effect_of_loss(
        &self,
        old: &Side<'a>,
        new: &Side<'a>,
        key: &ObjectKey,
        user: &ObjectKey,
    ) -> Effect {
        let comes_again = self.comes(key);
        let altered = self.get(user) == Some(Fate::Alter);
        let Some((before, after)) = old.object(user).zip(new.object(user)) else {
            return Effect::None;
        };
        match user.kind {
            ObjectKind::Column => {
                if old.carrier(user) == Some(key) {
                    return Effect::Replace;
                }
                if old.carrier(user).is_some_and(|carrier| self.goes(carrier)) {
                    return Effect::None;
                }
                if key.kind == ObjectKind::Column && old.carrier(key) != old.carrier(user) {
                    // The column of a parent: the child's comes and goes with it.
                    return if comes_again {
                        Effect::Replace
                    } else {
                        Effect::None
                    };
                }
                let is_type = element_type(&before) == key.identity;
                if is_type && comes_again {
                    return if after.text("generated").is_some() {
                        Effect::Replace
                    } else {
                        Effect::Retype
                    };
                }
                if before.text("generated").is_some() {
                    let made_again = after.text("generated").is_some();
                    return if made_again {
                        Effect::Replace
                    } else {
                        Effect::None
                    };
                }
                if key.kind == ObjectKind::Collation {
                    return if comes_again {
                        Effect::Retype
                    } else {
                        Effect::None
                    };
                }
                if before.text("default").is_some() && !is_type {
                    return Effect::Release;
                }
                Effect::None
            }
            ObjectKind::Table => {
                let is_parent = |object: &Object<'_>| {
                    object.text("partition of") == Some(key.identity.as_str())
                        || object.list("inherits").contains(&key.identity.as_str())
                };
                if comes_again && is_parent(&before) && is_parent(&after) {
                    Effect::Replace
                } else {
                    Effect::None
                }
            }
            // An identity column's sequence comes and goes with it; others are given away, see release_sequences.
            ObjectKind::Sequence => {
                if before.flag("identity") && comes_again {
                    Effect::Replace
                } else {
                    Effect::None
                }
            }
            // A partition that leaves takes its part of its parent's indexes along.
            ObjectKind::Index | ObjectKind::Constraint
                if key.kind == user.kind && leaves_parent(old, new, user) =>
            {
                Effect::None
            }
            ObjectKind::Schema | ObjectKind::DefaultPrivileges | ObjectKind::Extension => {
                Effect::None
            }
            // What they are altered to does not use it any more.
            ObjectKind::View
            | ObjectKind::Function
            | ObjectKind::Publication
            | ObjectKind::Domain
            | ObjectKind::CompositeType
            | ObjectKind::Policy
            | ObjectKind::TextSearchConfiguration
                if altered && !comes_again =>
            {
                Effect::None
            }
            _ => Effect::Replace,
        }
    }

    /// A sequence goes with the column that it serves, unless it is given away first.
    fn release_sequences(&mut self, old: &Side<'a>, new: &Side<'a>) {
        let sequences = old
            .facts
            .schema
            .objects
            .keys()
            .filter(|key| key.kind == ObjectKind::Sequence);
        for key in sequences.filter(|key| new.has(key)) {
            if self.goes(key)
                || old
                    .object(key)
                    .is_some_and(|object| object.flag("identity"))
            {
                continue;
            }
            if old
                .owner_column(key)
                .is_some_and(|column| self.goes(column))
            {
                self.of.insert(key, Fate::Alter);
                self.released.insert(key);
            }
        }
    }
}

/// Whether the table that the object hangs on leaves its parent.
pub(super) fn leaves_parent(old: &Side<'_>, new: &Side<'_>, part: &ObjectKey) -> bool {
    let table = old.carrier(part);
    let pair = table.and_then(|table| old.object(table).zip(new.object(table)));
    pair.is_some_and(|(before, after)| tables::leaves_parent(&before, &after))
}

enum Effect {
    None,
    Replace,
    Retype,
    Release,
}

/// What becomes of an object when a column that it rests on gets another type. PostgreSQL rebuilds indexes, constraints and
/// statistics itself, and refuses for all others.
///
/// `by_way_of_text` is for a column whose values wait as text, on which most indexes would make no sense.
fn effect_of_retyping(
    old: &Side<'_>,
    new: &Side<'_>,
    user: &ObjectKey,
    by_way_of_text: bool,
) -> Effect {
    match user.kind {
        ObjectKind::Index | ObjectKind::Constraint | ObjectKind::Statistics if by_way_of_text => {
            Effect::Replace
        }
        ObjectKind::Index
        | ObjectKind::Statistics
        | ObjectKind::Sequence
        | ObjectKind::Table
        | ObjectKind::ForeignTable => Effect::None,
        ObjectKind::Constraint => {
            let foreign = old
                .object(user)
                .is_some_and(|object| constraints::is_foreign_key(&object));
            if foreign {
                Effect::Replace
            } else {
                Effect::None
            }
        }
        ObjectKind::Column => {
            let is_generated = |side: &Side<'_>| {
                side.object(user)
                    .is_some_and(|object| object.text("generated").is_some())
            };
            if is_generated(old) && is_generated(new) {
                Effect::Replace
            } else {
                Effect::None
            }
        }
        _ => Effect::Replace,
    }
}

/// The type of a column without array brackets and modifiers.
fn element_type<'a>(column: &Object<'a>) -> &'a str {
    let kind = column.text_or_empty("type");
    kind.trim_end_matches("[]")
}

fn own_fate(old: &Side<'_>, new: &Side<'_>, key: &ObjectKey) -> Option<Fate> {
    let Some(after) = new.object(key) else {
        return Some(Fate::Drop);
    };
    let before = old.object(key)?;
    if before.properties == after.properties {
        return None;
    }
    let in_place = match key.kind {
        ObjectKind::Column => !columns::must_be_made_again(&before, &after),
        ObjectKind::Table | ObjectKind::ForeignTable => {
            !tables::must_be_made_again(&before, &after)
        }
        ObjectKind::View => {
            write::views::alter(&before, &after, keeps_columns(old, new, key)).is_some()
        }
        _ => write::alter(&before, &after).is_some(),
    };
    Some(if in_place { Fate::Alter } else { Fate::Replace })
}

/// Whether a view's new columns begin with the old ones, as CREATE OR REPLACE VIEW wants it.
pub(super) fn keeps_columns(old: &Side<'_>, new: &Side<'_>, key: &ObjectKey) -> bool {
    let (before, after) = (old.columns(key), new.columns(key));
    before.len() <= after.len()
        && before
            .iter()
            .zip(&after)
            .all(|(old, new)| old.identity() == new.identity() && !columns::is_retyped(old, new))
}
