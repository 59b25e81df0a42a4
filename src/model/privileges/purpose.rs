//! What each of the daemon's roles is for, and so what it needs of PostgreSQL: the one source of the roles that are made
//! and of the check whether they are right.

use std::fmt;

/// What a connection is for, and so which login it uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Owner of the database: grants, renames, creation beside it.
    Admin,
    /// Owner of what revisions make.
    Migrator,
    /// Reads everything.
    Backup,
    /// Vacuums and analyzes.
    Maintenance,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 4] = [Self::Admin, Self::Migrator, Self::Backup, Self::Maintenance];

    /// The name as it stands in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Migrator => "migrator",
            Self::Backup => "backup",
            Self::Maintenance => "maintenance",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// An attribute of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// LOGIN
    Login,
    /// SUPERUSER
    Superuser,
    /// CREATEROLE
    CreateRole,
    /// CREATEDB
    CreateDatabase,
    /// REPLICATION
    Replication,
    /// BYPASSRLS
    BypassRowSecurity,
}

impl Attribute {
    /// Those that give a role power over more than its own objects.
    pub const POWERS: [Self; 5] = [
        Self::Superuser,
        Self::CreateRole,
        Self::CreateDatabase,
        Self::Replication,
        Self::BypassRowSecurity,
    ];

    /// As CREATE ROLE and ALTER ROLE say it; with `NO` before it, its absence.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Login => "LOGIN",
            Self::Superuser => "SUPERUSER",
            Self::CreateRole => "CREATEROLE",
            Self::CreateDatabase => "CREATEDB",
            Self::Replication => "REPLICATION",
            Self::BypassRowSecurity => "BYPASSRLS",
        }
    }
}

/// The first version, as `server_version_num` has it, with the role pg_read_all_data.
pub const READ_ALL_DATA_SINCE: u32 = 140_000;
/// The first version with the privilege MAINTAIN and the role pg_maintain.
pub const MAINTAIN_SINCE: u32 = 170_000;
/// The first version in which a membership says by itself whether it is inherited, and by whom it was granted counts.
pub const MEMBERSHIP_OPTIONS_SINCE: u32 = 160_000;
/// The first version whose schema public belongs to pg_database_owner and is closed to PUBLIC.
pub const CLOSED_PUBLIC_SINCE: u32 = 150_000;

/// Lets a role read large objects that are not its own: nothing else does, before and after pg_read_all_data.
pub const LARGE_OBJECTS_SETTING: &str = "lo_compat_privileges";

/// What a purpose needs. What does not stand here its role must not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Attributes, besides LOGIN, which all have.
    pub attributes: &'static [Attribute],
    /// PostgreSQL's own roles that it is a member of.
    pub predefined: Vec<&'static str>,
    /// Whether it acts as the roles that own the objects.
    pub as_owners: bool,
    /// Whether it acts as the application's roles.
    pub as_applications: bool,
    /// Privileges on the database, where it does not own it.
    pub on_database: &'static [&'static str],
    /// Whether it owns the database.
    pub owns_database: bool,
    /// Settings of the role.
    pub settings: &'static [(&'static str, &'static str)],
}

/// What a purpose needs on a server of this version (`server_version_num`).
///
/// - The admin restores: it gives objects to their owners, and large objects to the application, which makes them; and it
///   compares what it restored, past row security. It ends the sessions of others, and sees what they do.
/// - The backup reads all: rows by `pg_read_all_data`, those under row security by BYPASSRLS, large objects by
///   `lo_compat_privileges`, since no role but their owner may otherwise. That would let it write large objects too, hence
///   its transactions are read-only unless they ask for more.
/// - Maintenance acts as the owner of the tables: before PostgreSQL 17 only an owner may VACUUM and REINDEX. It sees
///   everyone's sessions, statistics and replication, to say how the database stands.
pub fn needs(purpose: Purpose, version: u32) -> Needs {
    let nothing = Needs {
        attributes: &[],
        predefined: Vec::new(),
        as_owners: false,
        as_applications: false,
        on_database: &["CONNECT"],
        owns_database: false,
        settings: &[],
    };
    match purpose {
        Purpose::Admin => Needs {
            attributes: &[Attribute::CreateDatabase, Attribute::BypassRowSecurity],
            predefined: vec!["pg_signal_backend", "pg_read_all_stats"],
            as_owners: true,
            as_applications: true,
            on_database: &[],
            owns_database: true,
            ..nothing
        },
        Purpose::Migrator => Needs {
            on_database: &["CONNECT", "CREATE", "TEMPORARY"],
            ..nothing
        },
        Purpose::Backup => Needs {
            attributes: &[Attribute::BypassRowSecurity],
            predefined: if version >= READ_ALL_DATA_SINCE {
                vec!["pg_read_all_data"]
            } else {
                Vec::new()
            },
            settings: &[
                ("default_transaction_read_only", "on"),
                (LARGE_OBJECTS_SETTING, "on"),
            ],
            ..nothing
        },
        Purpose::Maintenance if version >= MAINTAIN_SINCE => Needs {
            predefined: vec!["pg_maintain", "pg_monitor"],
            ..nothing
        },
        Purpose::Maintenance => Needs {
            predefined: vec!["pg_monitor"],
            as_owners: true,
            ..nothing
        },
    }
}
