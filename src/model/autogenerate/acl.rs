//! Privileges, as PostgreSQL shows them (`app=arw*/owner`), and the statements that bring one set of them to another.
//!
//! What the owner grants, whoever acts for it grants in its name. What others grant, by a grant option that they have, is
//! written as them: after `SET LOCAL ROLE`, which has an effect in transactions only.

mod item;
mod statements;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use item::Privileges;
pub(super) use item::item_name;
pub(super) use statements::{column_statements, statements};

/// Who may do what with an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Acl {
    entries: BTreeMap<Entry, Privileges>,
    /// The entries as they were given: dumps show them in that order.
    order: Vec<Entry>,
}

/// Who has been granted something, and by whom. Both are bare names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    grantor: String,
    /// Empty for everybody.
    grantee: String,
}

impl Acl {
    /// Reads a list such as `["=r/owner", "app=arw*/owner"]`.
    pub(super) fn parse(list: &[&str]) -> Result<Self, String> {
        let mut acl = Self::default();
        for text in list {
            let (entry, privileges) =
                item::parse(text).ok_or_else(|| format!("privileges {text:?} cannot be read"))?;
            acl.add(entry, privileges);
        }
        Ok(acl)
    }

    /// What remains of it when the object passes from one owner to another: the new one has and has granted what the old
    /// one had and had granted.
    #[must_use]
    pub(super) fn with_owner(self, old: &str, new: &str) -> Self {
        let passed = |role: String| if role == old { new.to_owned() } else { role };
        let mut acl = Self::default();
        for (Entry { grantor, grantee }, privileges) in self.entries {
            let entry = Entry {
                grantor: passed(grantor),
                grantee: passed(grantee),
            };
            acl.add(entry, privileges);
        }
        acl
    }

    /// Both together.
    #[must_use]
    pub(super) fn merged(mut self, other: Self) -> Self {
        for (entry, privileges) in other.entries {
            self.add(entry, privileges);
        }
        self
    }

    /// What remains of a column's privileges after the [`statements()`] that bring those of its table from `from` to `to`:
    /// what is revoked from a role on a table, it loses on every column as well.
    #[must_use]
    pub(super) fn after_table(mut self, from: &Self, to: &Self) -> Self {
        for (entry, had) in &from.entries {
            let (lost, without_option) = had.lost(&to.of(entry));
            if let Some(privileges) = self.entries.get_mut(entry) {
                privileges.remove(&lost, &without_option);
            }
        }
        self.entries.retain(|_, privileges| !privileges.is_empty());
        self
    }

    fn add(&mut self, entry: Entry, privileges: Privileges) {
        if !self.order.contains(&entry) {
            self.order.push(entry.clone());
        }
        self.entries.entry(entry).or_default().add(privileges);
    }

    fn of(&self, entry: &Entry) -> Privileges {
        self.entries.get(entry).cloned().unwrap_or_default()
    }
}
