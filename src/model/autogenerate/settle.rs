//! Owner, privileges, comments and security labels, for all kinds alike, once an object is there.

use super::{
    acl::{self, Acl},
    annotations,
    names::quoted,
    object::Object,
    side::Side,
    write::Written,
};
use crate::model::schema::{ObjectKey, ObjectKind};

/// Writes what comes after an object's own statements.
pub(super) struct Settler<'s, 'a> {
    pub(super) old: &'s Side<'a>,
    pub(super) new: &'s Side<'a>,
}

impl Settler<'_, '_> {
    /// What a new object is to have beyond what it gets by being made.
    pub(super) fn created(&self, object: &Object<'_>) -> Written {
        let mut statements = Vec::new();
        let creator = self.old.facts.role.as_str();
        let owner = object.text("owner").unwrap_or(creator);
        if owner != creator && object.kind() == ObjectKind::Sequence {
            // It gets its owner before it is given to a column, whose table has the same one.
            if !object.flag("identity") {
                statements.push(format!(
                    "ALTER SEQUENCE {} OWNER TO {}",
                    object.identity(),
                    quoted(owner)
                ));
            }
        } else if owner != creator {
            statements.extend(annotations::owner(object, owner));
        }
        if object.kind() == ObjectKind::Column {
            statements.extend(self.column_privileges(None, object)?);
        } else if let Some(target) = annotations::grant_target(object) {
            let wanted = privileges(object)?;
            let given = self.given(object, creator, owner)?;
            statements.extend(acl::statements(&target, &given, &wanted, owner));
        }
        statements.extend(annotations::comments(None, object));
        statements.extend(annotations::labels(None, object));
        Ok(statements)
    }

    /// The same for an object that was there.
    pub(super) fn altered(&self, before: &Object<'_>, after: &Object<'_>) -> Written {
        let mut statements = Vec::new();
        let (old_owner, new_owner) = (before.text("owner"), after.text("owner"));
        if let Some(owner) = new_owner.filter(|_| old_owner != new_owner) {
            statements.extend(annotations::owner(after, owner));
        }
        if after.kind() == ObjectKind::Column {
            statements.extend(self.column_privileges(Some(before), after)?);
        } else if let Some(target) = annotations::grant_target(after) {
            let mut had = Acl::parse(&before.list("acl"))?;
            if let (Some(old), Some(new)) = (old_owner, new_owner)
                && old != new
            {
                had = had.with_owner(old, new);
            }
            let wanted = privileges(after)?;
            statements.extend(acl::statements(
                &target,
                &had,
                &wanted,
                new_owner.unwrap_or_default(),
            ));
        }
        statements.extend(annotations::comments(Some(before), after));
        statements.extend(annotations::labels(Some(before), after));
        Ok(statements)
    }

    fn column_privileges(&self, before: Option<&Object<'_>>, after: &Object<'_>) -> Written {
        let table = after.on().unwrap_or_default();
        let owner = |side: &Side<'_>| {
            let table = side.carrier(after.key).and_then(|table| side.object(table));
            table
                .and_then(|table| table.text("owner").map(str::to_owned))
                .unwrap_or_default()
        };
        let new_owner = owner(self.new);
        let mut had = Acl::parse(&before.map(|before| before.list("acl")).unwrap_or_default())?;
        let old_owner = owner(self.old);
        if before.is_some() && old_owner != new_owner {
            had = had.with_owner(&old_owner, &new_owner);
        }
        if before.is_some() {
            let (from, to) = (
                table_acl(self.old, after, &old_owner, &new_owner)?,
                table_acl(self.new, after, "", "")?,
            );
            had = had.after_table(&from, &to);
        }
        let wanted = privileges(after)?;
        Ok(acl::column_statements(
            table,
            after.name(),
            &had,
            &wanted,
            &new_owner,
        ))
    }

    /// The privileges of columns that stay as they are, and lose what their table loses.
    pub(super) fn columns_that_stay(
        &self,
        table: &Object<'_>,
        stays: impl Fn(&ObjectKey) -> bool,
    ) -> Written {
        let mut statements = Vec::new();
        for column in self.new.columns(table.key) {
            if let Some(before) = self.old.object(column.key).filter(|_| stays(column.key)) {
                statements.extend(self.column_privileges(Some(&before), &column)?);
            }
        }
        Ok(statements)
    }

    /// The privileges that an object has once it is made and given to its owner: default privileges are changed last, so
    /// that those from before hold.
    fn given(&self, object: &Object<'_>, creator: &str, owner: &str) -> Result<Acl, String> {
        let built_in = Acl::parse(&object.detail_list("default acl"))?.with_owner(owner, creator);
        let Some(word) = default_privileges_word(object.kind()) else {
            return Ok(built_in.with_owner(creator, owner));
        };
        let everywhere = format!("for role {} on {word}", quoted(creator));
        let global = self.default_privileges(&everywhere)?;
        let mut given = global.unwrap_or(built_in);
        if let Some(schema) = object.text("schema") {
            let here = format!("for role {} in schema {schema} on {word}", quoted(creator));
            if let Some(local) = self.default_privileges(&here)? {
                given = given.merged(local);
            }
        }
        Ok(given.with_owner(creator, owner))
    }

    fn default_privileges(&self, identity: &str) -> Result<Option<Acl>, String> {
        let key = ObjectKey {
            kind: ObjectKind::DefaultPrivileges,
            identity: identity.to_owned(),
        };
        let found = self.old.object(&key);
        found
            .map(|object| Acl::parse(&object.list("acl")))
            .transpose()
    }
}

/// The privileges on an object, in the order in which they were granted.
fn privileges(object: &Object<'_>) -> Result<Acl, String> {
    let granted = object.detail_list("acl");
    if granted.is_empty() {
        return Acl::parse(&object.list("acl"));
    }
    Acl::parse(&granted)
}

/// What ALTER DEFAULT PRIVILEGES calls such objects.
pub(super) fn default_privileges_word(kind: ObjectKind) -> Option<&'static str> {
    match kind {
        ObjectKind::Table
        | ObjectKind::ForeignTable
        | ObjectKind::View
        | ObjectKind::MaterializedView => Some("tables"),
        ObjectKind::Sequence => Some("sequences"),
        ObjectKind::Function => Some("functions"),
        ObjectKind::Enum
        | ObjectKind::Domain
        | ObjectKind::CompositeType
        | ObjectKind::Range
        | ObjectKind::BaseType => Some("types"),
        ObjectKind::Schema => Some("schemas"),
        _ => None,
    }
}

/// The privileges on the table of a column, after it went from one owner to another.
fn table_acl(
    side: &Side<'_>,
    column: &Object<'_>,
    old_owner: &str,
    new_owner: &str,
) -> Result<Acl, String> {
    let table = side
        .carrier(column.key)
        .and_then(|table| side.object(table));
    let acl = Acl::parse(&table.map(|table| table.list("acl")).unwrap_or_default())?;
    Ok(acl.with_owner(old_owner, new_owner))
}
