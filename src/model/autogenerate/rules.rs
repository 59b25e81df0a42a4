//! What both the order of steps and their statements go by.

use super::{
    Form,
    fates::{Fate, Fates},
    object::Object,
    side::Side,
    write::constraints,
};
use crate::model::schema::{ObjectKey, ObjectKind};

/// Whether the table of a part has partitions.
pub(super) fn is_of_partitioned(side: &Side<'_>, part: &ObjectKey) -> bool {
    let table = side.carrier(part).and_then(|table| side.object(table));
    table.is_some_and(|table| table.text("partitioned by").is_some())
}

/// The column of a parent that a column of a child is.
pub(super) fn column_of_parent<'a>(side: &Side<'a>, column: &ObjectKey) -> Option<&'a ObjectKey> {
    let mut used = side.rests_on(column).iter();
    let of_parent = used
        .find(|used| used.kind == ObjectKind::Column && side.carrier(used) != side.carrier(column));
    of_parent.copied()
}

/// Whether a column of a table that stays becomes NOT NULL by a check that is validated first.
pub(super) fn is_not_null_later(
    old: &Side<'_>,
    new: &Side<'_>,
    fates: &Fates<'_>,
    form: Form,
    column: &ObjectKey,
) -> bool {
    let online = matches!(form, Form::Online | Form::StepByStep);
    if !online || fates.get(column) != Some(Fate::Alter) {
        return false;
    }
    let of_table = new
        .carrier(column)
        .is_some_and(|table| table.kind == ObjectKind::Table);
    let pair = old.object(column).zip(new.object(column));
    of_table
        && pair.is_some_and(|(before, after)| {
            !before.flag("not null")
                && after.flag("not null")
                && after.text("origin") != Some("inherited")
                && after.text("identity") == before.text("identity")
        })
}

/// Whether a constraint is added to a table that stays, without a look at its rows.
pub(super) fn is_added_not_valid(new: &Side<'_>, fates: &Fates<'_>, key: &ObjectKey) -> bool {
    let Some((constraint, table)) = new.object(key).zip(new.carrier(key)) else {
        return false;
    };
    let checked = matches!(constraint.text("type"), Some("foreign key" | "check"));
    let of_new_child = new.dependents(key).iter().any(|user| {
        user.kind == ObjectKind::Constraint
            && new.carrier(user).is_some_and(|child| fates.comes(child))
    });
    checked
        && !of_new_child
        && table.kind == ObjectKind::Table
        && !fates.comes(table)
        && constraint.text("origin") != Some("inherited")
        && !(constraints::is_foreign_key(&constraint) && is_of_partitioned(new, key))
}

/// Whether a retyped column only follows its parent's.
pub(super) fn follows_parent(new: &Side<'_>, fates: &Fates<'_>, column: &ObjectKey) -> bool {
    let inherited = new
        .object(column)
        .is_some_and(|object| object.text("origin").is_some());
    inherited
        && column_of_parent(new, column)
            .is_some_and(|parent| fates.get(parent) == Some(Fate::Alter))
}

/// The columns whose values a table that is made again takes over.
pub(super) fn common_columns<'s>(
    old: &'s Side<'_>,
    new: &'s Side<'_>,
    table: &ObjectKey,
) -> Vec<(Object<'s>, Object<'s>)> {
    let columns = new.columns(table).into_iter();
    let kept = columns.filter(|column| column.text("generated").is_none());
    kept.filter_map(|column| Some((old.object(column.key)?, column)))
        .collect()
}

/// Whether the object is a column of a view.
pub(super) fn is_of_view(side: &Side<'_>, column: &ObjectKey) -> bool {
    let carrier = side.carrier(column);
    carrier.is_some_and(|carrier| {
        matches!(
            carrier.kind,
            ObjectKind::View | ObjectKind::MaterializedView
        )
    }) && column.kind == ObjectKind::Column
}

/// The name that an object takes among relations and types.
pub(super) fn taken_name(side: &Side<'_>, key: &ObjectKey) -> Option<String> {
    match key.kind {
        ObjectKind::Table
        | ObjectKind::ForeignTable
        | ObjectKind::View
        | ObjectKind::MaterializedView
        | ObjectKind::Sequence
        | ObjectKind::Index
        | ObjectKind::Enum
        | ObjectKind::Domain
        | ObjectKind::CompositeType
        | ObjectKind::Range
        | ObjectKind::BaseType => Some(key.identity.clone()),
        ObjectKind::Constraint => {
            let constraint = side.object(key)?;
            constraints::has_index(&constraint).then(|| constraints::index(&constraint))
        }
        _ => None,
    }
}
