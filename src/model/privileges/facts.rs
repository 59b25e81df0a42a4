//! What a server says of its roles and of who may do what in one database: what `postgres::privileges` reads and the audit
//! goes by.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    PurposeRoles,
    purpose::{Attribute, CLOSED_PUBLIC_SINCE},
};

/// A role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleFacts {
    /// The attributes that it has.
    pub attributes: Vec<Attribute>,
    /// Its settings, for all databases and for this one.
    pub settings: BTreeMap<String, String>,
}

impl RoleFacts {
    /// Whether it has the attribute.
    pub fn has(&self, attribute: Attribute) -> bool {
        self.attributes.contains(&attribute)
    }
}

/// That one role is a member of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The member.
    pub member: String,
    /// What it is a member of.
    pub role: String,
    /// Who granted it.
    pub grantor: String,
    /// Whether the member has the role's privileges without asking for them.
    pub inherits: bool,
    /// Whether the member may become the role by SET ROLE.
    pub sets: bool,
}

/// One privilege on one object that somebody else than its owner has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Who granted it.
    pub grantor: String,
    /// Who has it; `None` means PUBLIC.
    pub grantee: Option<String>,
    /// As GRANT says it, e.g. `SELECT`.
    pub privilege: String,
    /// Whether it may be passed on.
    pub grantable: bool,
    /// Whether it is for some columns only.
    pub of_columns: bool,
}

/// A schema that is not PostgreSQL's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaFacts {
    /// Its name.
    pub name: String,
    /// Its owner.
    pub owner: String,
    /// What others may.
    pub grants: Vec<Grant>,
}

/// What kind of relation one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelationKind {
    /// A table, partitioned or not.
    Table,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// A foreign table.
    ForeignTable,
    /// A sequence.
    Sequence,
}

impl RelationKind {
    /// As ALTER says it.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Table => "TABLE",
            Self::View => "VIEW",
            Self::MaterializedView => "MATERIALIZED VIEW",
            Self::ForeignTable => "FOREIGN TABLE",
            Self::Sequence => "SEQUENCE",
        }
    }

    /// As GRANT says it.
    pub fn granted_on(self) -> &'static str {
        match self {
            Self::Sequence => "SEQUENCE",
            _ => "TABLE",
        }
    }
}

/// A relation that is no extension's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelationFacts {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: RelationKind,
    /// Its owner.
    pub owner: String,
    /// Whether it is a sequence that goes with a column, and so has its table's owner always.
    pub of_column: bool,
    /// What others may.
    pub grants: Vec<Grant>,
}

/// An object of another kind that is no extension's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedObject {
    /// As ALTER says it, e.g. `ROUTINE`.
    pub keyword: String,
    /// As ALTER names it, quoted, e.g. `public.area(integer)`.
    pub identity: String,
    /// Its schema; empty where it has none.
    pub schema: String,
    /// Its owner.
    pub owner: String,
}

/// A function that runs as its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefinerFunction {
    /// As ALTER ROUTINE names it.
    pub identity: String,
    /// Its schema.
    pub schema: String,
    /// Its owner.
    pub owner: String,
    /// Whether its search path is its own, and not the caller's.
    pub fixed_path: bool,
    /// Whether PUBLIC may call it.
    pub public: bool,
}

/// What the objects that a role will make are granted by default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultAcl {
    /// Whose objects.
    pub owner: String,
    /// In which schema; `None` means all.
    pub schema: Option<String>,
    /// Of which kind.
    pub kind: DefaultKind,
    /// Who else than their owner gets what.
    pub grants: Vec<Grant>,
}

/// The kinds of objects that default privileges know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultKind {
    /// Tables and views.
    Tables,
    /// Sequences.
    Sequences,
    /// Functions and procedures.
    Functions,
    /// Types and domains.
    Types,
    /// Schemas.
    Schemas,
}

impl DefaultKind {
    /// As ALTER DEFAULT PRIVILEGES says it.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Tables => "TABLES",
            Self::Sequences => "SEQUENCES",
            Self::Functions => "FUNCTIONS",
            Self::Types => "TYPES",
            Self::Schemas => "SCHEMAS",
        }
    }
}

/// Everything that the audit looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// `server_version_num`.
    pub version: u32,
    /// The superuser that initdb made.
    pub bootstrap: String,
    /// All roles by name.
    pub roles: BTreeMap<String, RoleFacts>,
    /// All memberships.
    pub memberships: Vec<Membership>,
    /// Who owns the database.
    pub database_owner: String,
    /// What others may on it.
    pub database_grants: Vec<Grant>,
    /// Whether the admin role may connect to the server database.
    pub admin_reaches_server: bool,
    /// Whether maintenance mode is on, which takes CONNECT from everyone but the daemon's roles.
    pub in_maintenance: bool,
    /// The schemas.
    pub schemas: Vec<SchemaFacts>,
    /// The relations.
    pub relations: Vec<RelationFacts>,
    /// Objects of other kinds, but for those that the migrator owns.
    pub others: Vec<OwnedObject>,
    /// Functions that run as their owner.
    pub definers: Vec<DefinerFunction>,
    /// Who owns large objects; nobody where there are none.
    pub large_object_owners: Vec<String>,
    /// Default privileges.
    pub defaults: Vec<DefaultAcl>,
    /// The roles with sessions in the database.
    pub connected: Vec<String>,
}

impl Facts {
    /// A server of this version on which nothing was made yet but the database, which is new and the admin role's.
    pub fn fresh(roles: &PurposeRoles, version: u32) -> Self {
        const BOOTSTRAP: &str = "postgres";
        let by = |grantor: &str, privileges: &[&str]| -> Vec<Grant> {
            let to_public = |privilege: &&str| Grant {
                grantor: grantor.to_owned(),
                grantee: None,
                privilege: (*privilege).to_owned(),
                grantable: false,
                of_columns: false,
            };
            privileges.iter().map(to_public).collect()
        };
        let closed = version >= CLOSED_PUBLIC_SINCE;
        let (owner, to_public): (_, &[&str]) = if closed {
            ("pg_database_owner", &["USAGE"])
        } else {
            (BOOTSTRAP, &["USAGE", "CREATE"])
        };
        let superuser = RoleFacts {
            attributes: vec![Attribute::Login, Attribute::Superuser],
            ..RoleFacts::default()
        };
        Self {
            version,
            bootstrap: BOOTSTRAP.to_owned(),
            roles: BTreeMap::from([(BOOTSTRAP.to_owned(), superuser)]),
            database_owner: roles.admin.clone(),
            database_grants: by(&roles.admin, &["CONNECT", "TEMPORARY"]),
            schemas: vec![SchemaFacts {
                name: "public".to_owned(),
                owner: owner.to_owned(),
                grants: by(owner, to_public),
            }],
            ..Self::default()
        }
    }

    /// Whether a role is a superuser.
    pub fn is_superuser(&self, role: &str) -> bool {
        let facts = self.roles.get(role);
        facts.is_some_and(|facts| facts.has(Attribute::Superuser))
    }

    /// The role, and all that it is a member of, directly or through others, by memberships that count.
    pub fn reach<'a>(
        &'a self,
        role: &'a str,
        counts: impl Fn(&Membership) -> bool,
    ) -> BTreeSet<&'a str> {
        let mut reached = BTreeSet::from([role]);
        let mut waiting = vec![role];
        while let Some(member) = waiting.pop() {
            let groups = self
                .memberships
                .iter()
                .filter(|membership| membership.member == member && counts(membership))
                .map(|membership| membership.role.as_str());
            let owner = (member == self.database_owner).then_some("pg_database_owner");
            for group in groups.chain(owner) {
                if reached.insert(group) {
                    waiting.push(group);
                }
            }
        }
        reached
    }

    /// The roles whose privileges it has without asking for them.
    pub fn inherited<'a>(&'a self, role: &'a str) -> BTreeSet<&'a str> {
        self.reach(role, |membership| membership.inherits)
    }

    /// The roles whose privileges it has or can take.
    pub fn attainable<'a>(&'a self, role: &'a str) -> BTreeSet<&'a str> {
        self.reach(role, |membership| membership.inherits || membership.sets)
    }
}
