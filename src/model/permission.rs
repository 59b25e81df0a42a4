//! Permission: what a principal may do, as a role on everything and roles on single databases, and what a call is about.
//!
//! The rules: a right on everything holds on each database; of two rights the greater counts; what belongs to no managed
//! database, or cannot be found, is everybody's or nobody's and needs the right on everything. So a principal with rights
//! on some databases is denied what it names wrongly in the same words as what is others' and exists.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use super::method::Role;

/// What a principal may do: `operator`, `viewer on app`, `viewer on *, operator on app`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    everywhere: Option<Role>,
    databases: BTreeMap<String, Role>,
}

impl Rights {
    /// A role on everything, what belongs to no database included.
    pub fn everywhere(role: Role) -> Self {
        Self {
            everywhere: Some(role),
            databases: BTreeMap::new(),
        }
    }

    /// These and the other's, the greater role counting.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.everywhere = self.everywhere.max(other.everywhere);
        for (database, role) in other.databases {
            self.grant(database, role);
        }
        self
    }

    fn grant(&mut self, database: String, role: Role) {
        self.databases
            .entry(database)
            .and_modify(|known| *known = role.max(*known))
            .or_insert(role);
    }

    /// Whether nothing at all may be done.
    pub fn is_empty(&self) -> bool {
        self.everywhere.is_none() && self.databases.is_empty()
    }

    /// The role on what belongs to no single database.
    pub fn role_everywhere(&self) -> Option<Role> {
        self.everywhere
    }

    /// The role on a database.
    pub fn role_on(&self, database: &str) -> Option<Role> {
        self.everywhere.max(self.databases.get(database).copied())
    }

    /// The greatest role on anything.
    pub fn greatest(&self) -> Option<Role> {
        self.everywhere.max(self.databases.values().max().copied())
    }

    /// The databases that are named in them, known or not.
    pub fn named_databases(&self) -> impl Iterator<Item = &str> {
        self.databases.keys().map(String::as_str)
    }

    /// Whether a call that needs a role may be made about something.
    pub fn allow(&self, needed: Role, scope: &Scope) -> bool {
        let role = match scope {
            Scope::Database(name) | Scope::Thing(Some(name)) => self.role_on(name),
            Scope::Thing(None) | Scope::Everything => self.everywhere,
            Scope::Any => self.greatest(),
        };
        role.is_some_and(|role| role >= needed)
    }

    /// Where a call that needs a role may look.
    pub fn reach(&self, needed: Role) -> Reach {
        if self.everywhere.is_some_and(|role| role >= needed) {
            return Reach::Everything;
        }
        let databases = self.databases.iter();
        Reach::Databases(
            databases
                .filter(|(_, role)| **role >= needed)
                .map(|(name, _)| name.clone())
                .collect(),
        )
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if let Some(role) = self.everywhere {
            write!(formatter, "{role}")?;
            separator = ", ";
        }
        for (database, role) in &self.databases {
            write!(formatter, "{separator}{role} on {database}")?;
            separator = ", ";
        }
        if self.is_empty() {
            formatter.write_str("no role")?;
        }
        Ok(())
    }
}

/// A text that names no rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a list of roles such as `viewer, operator on app`")]
pub struct NotRights;

impl FromStr for Rights {
    type Err = NotRights;

    /// Comma-separated roles, each on everything (`operator`, `operator on *`) or on one database (`operator on app`).
    fn from_str(text: &str) -> Result<Self, NotRights> {
        let mut rights = Self::default();
        for item in text.split(',') {
            let words: Vec<&str> = item.split_whitespace().collect();
            let (role, database) = match words.as_slice() {
                [role] | [role, "on", "*"] => (role, None),
                [role, "on", database] => (role, Some((*database).to_owned())),
                _ => return Err(NotRights),
            };
            let role = Role::from_name(role).ok_or(NotRights)?;
            match database {
                None => rights.everywhere = rights.everywhere.max(Some(role)),
                Some(database) => rights.grant(database, role),
            }
        }
        Ok(rights)
    }
}

/// What a call is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The managed database that the caller names, whether it exists or not.
    Database(String),
    /// Something that the caller names by a name of its own (a backup, an operation, a job): the database that it belongs to;
    /// none where there is no such thing, or it belongs to no database.
    Thing(Option<String>),
    /// Nothing in particular: a list that shows what the principal may see, or a request that is wrong whatever it names.
    Any,
    /// The daemon as a whole.
    Everything,
}

impl Scope {
    /// The database that it is about, as far as one is known.
    pub fn database(&self) -> Option<&str> {
        match self {
            Self::Database(name) | Self::Thing(Some(name)) => Some(name),
            Self::Thing(None) | Self::Any | Self::Everything => None,
        }
    }
}

/// What a list may show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All of it.
    Everything,
    /// What belongs to these databases.
    Databases(BTreeSet<String>),
}

impl Reach {
    /// Whether it may show what belongs to the database.
    pub fn includes(&self, database: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Databases(names) => names.contains(database),
        }
    }

    /// The databases to which a query is to be limited; none for no limit.
    pub fn limit(self) -> Option<Vec<String>> {
        match self {
            Self::Everything => None,
            Self::Databases(names) => Some(names.into_iter().collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn rights(text: &str) -> Rights {
        text.parse().unwrap()
    }

    fn on(database: &str) -> Scope {
        Scope::Database(database.to_owned())
    }

    #[test]
    fn a_text_of_roles_is_read_and_shown_as_what_it_means() {
        for (text, shown) in [
            ("operator", "operator"),
            ("operator on *", "operator"),
            ("viewer on *,operator  on app", "viewer, operator on app"),
            (
                "admin on shop, viewer on app",
                "viewer on app, admin on shop",
            ),
            ("viewer on app, admin on app", "admin on app"),
        ] {
            assert_eq!(rights(text).to_string(), shown);
            assert_eq!(rights(shown), rights(text));
        }
        for text in [
            "",
            "root",
            "operator on",
            "on app",
            "viewer app",
            "viewer,",
            "viewer on a b",
        ] {
            assert_eq!(text.parse::<Rights>(), Err(NotRights), "{text:?}");
        }
    }

    #[test]
    fn a_right_on_everything_holds_on_each_database_and_the_greater_one_counts() {
        let rights = rights("viewer, operator on app");
        assert!(rights.allow(Role::Operator, &on("app")));
        assert!(rights.allow(Role::Viewer, &on("shop")));
        assert!(!rights.allow(Role::Operator, &on("shop")));
        assert!(!rights.allow(Role::Operator, &Scope::Everything));
        assert!(rights.allow(Role::Operator, &Scope::Any));
        assert!(!rights.allow(Role::Admin, &Scope::Any));
    }

    #[test]
    fn what_is_unknown_or_belongs_to_no_database_needs_the_right_on_everything() {
        let rights = rights("admin on app");
        for scope in [
            Scope::Thing(None),
            Scope::Thing(Some("shop".to_owned())),
            Scope::Thing(Some(String::new())),
            Scope::Everything,
            on("shop"),
            on(""),
        ] {
            assert!(!rights.allow(Role::Viewer, &scope), "{scope:?}");
        }
        assert!(rights.allow(Role::Admin, &Scope::Thing(Some("app".to_owned()))));
    }

    #[test]
    fn a_list_reaches_the_databases_on_which_its_role_is_held() {
        let rights = rights("operator on app, viewer on shop");
        assert!(rights.reach(Role::Viewer).includes("shop"));
        assert!(!rights.reach(Role::Operator).includes("shop"));
        assert_eq!(rights.reach(Role::Admin).limit(), Some(Vec::new()));
        let all = Rights::everywhere(Role::Viewer);
        assert_eq!(all.reach(Role::Viewer), Reach::Everything);
        assert_eq!(all.reach(Role::Viewer).limit(), None);
        assert!(!all.reach(Role::Operator).includes("app"));
    }

    #[test]
    fn rights_that_are_joined_keep_the_greater_of_each() {
        let joined = rights("viewer, admin on app").with(rights("operator, viewer on app"));
        assert_eq!(joined.to_string(), "operator, admin on app");
        assert!(Rights::default().is_empty());
        assert_eq!(Rights::default().to_string(), "no role");
    }
}
