//! Method: the one table of all RPCs, with the role that each needs and whether it changes anything.
//!
//! Authorization, the audit log, operations and the request log all name a call by its `Method`. A test compares the
//! table with the descriptor set, so that no RPC can be served without a row here.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a principal may do. Each role may do what the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Look at everything but the contents of backups.
    Viewer,
    /// Migrate, back up, optimize, enter and leave maintenance mode, read backups.
    Operator,
    /// Everything: also restore and delete.
    Admin,
}

impl Role {
    /// The role of a name as `Display` writes it.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "viewer" => Some(Self::Viewer),
            "operator" => Some(Self::Operator),
            "admin" => Some(Self::Admin),
            _ => None,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        })
    }
}

/// Whether a method changes something, and so is audited before it acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Changes nothing; recorded by the daemon itself first, and in the audit log a little later.
    Reads,
    /// Changes something; recorded before it acts, or refused.
    Mutates,
}

macro_rules! methods {
    ($($service:ident { $($method:ident: $role:ident, $effect:ident;)+ })+) => {
        /// One RPC of `pgsteward.v1`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Method {
            $($(
                #[doc = concat!("`", stringify!($service), ".", stringify!($method), "`")]
                $method,
            )+)+
        }

        impl Method {
            /// Every RPC, in the order of the table.
            pub const ALL: &[Self] = &[$($(Self::$method,)+)+];

            /// The full name, e.g. `pgsteward.v1.BackupService/CreateBackup`.
            pub fn full_name(self) -> &'static str {
                match self {
                    $($(Self::$method => concat!(
                        "pgsteward.v1.", stringify!($service), "/", stringify!($method)
                    ),)+)+
                }
            }

            /// The name within its service, e.g. `CreateBackup`.
            pub fn name(self) -> &'static str {
                match self { $($(Self::$method => stringify!($method),)+)+ }
            }

            /// The least role that may call it.
            pub fn role(self) -> Role {
                match self { $($(Self::$method => Role::$role,)+)+ }
            }

            /// Whether it changes something.
            pub fn effect(self) -> Effect {
                match self { $($(Self::$method => Effect::$effect,)+)+ }
            }
        }
    };
}

methods! {
    MigrationService {
        CreateRevision: Operator, Mutates;
        ListRevisions: Viewer, Reads;
        GetRevision: Viewer, Reads;
        GetSchemaVersion: Viewer, Reads;
        Upgrade: Operator, Mutates;
        Downgrade: Operator, Mutates;
        ReviewRevision: Operator, Mutates;
        ApproveRevision: Operator, Mutates;
        Merge: Operator, Mutates;
        // These two say that something is so without looking, or against what was seen.
        Stamp: Admin, Mutates;
        Restamp: Admin, Mutates;
        CreateBaseline: Operator, Mutates;
        CheckDrift: Operator, Mutates;
        GetMigrationSql: Viewer, Reads;
    }
    BackupService {
        CreateBackup: Operator, Mutates;
        ListBackups: Viewer, Reads;
        GetBackup: Viewer, Reads;
        // A download changes nothing, but it carries all data away: it is recorded as if it did.
        DownloadBackup: Operator, Mutates;
        VerifyBackup: Operator, Mutates;
        UploadBackup: Operator, Mutates;
        UpdateBackup: Operator, Mutates;
        DeleteBackup: Admin, Mutates;
        ApplyRetention: Operator, Mutates;
    }
    RestoreService {
        PlanRestore: Operator, Reads;
        Restore: Admin, Mutates;
        ApproveRestore: Admin, Mutates;
        RunDrill: Operator, Mutates;
        ListDrills: Viewer, Reads;
        RollbackRestore: Admin, Mutates;
        ListReplacedDatabases: Viewer, Reads;
    }
    MaintenanceService {
        Optimize: Operator, Mutates;
        Reindex: Operator, Mutates;
        EnterMaintenance: Operator, Mutates;
        ExitMaintenance: Operator, Mutates;
        GetMaintenance: Viewer, Reads;
        ProvisionRoles: Admin, Mutates;
        // Starts an operation, as a drift check does.
        CheckPrivileges: Operator, Mutates;
        GetDatabaseStats: Viewer, Reads;
    }
    HealthService {
        CheckDatabase: Viewer, Reads;
        GetStatus: Viewer, Reads;
    }
    OperationService {
        GetOperation: Viewer, Reads;
        ListOperations: Viewer, Reads;
        WaitOperation: Viewer, Reads;
        WatchOperation: Viewer, Reads;
        CancelOperation: Operator, Mutates;
    }
    ScheduleService {
        ListSchedules: Viewer, Reads;
        RunSchedule: Operator, Mutates;
    }
    AuditService {
        ListAuditEntries: Viewer, Reads;
        WatchAudit: Viewer, Reads;
        // These two go through the whole log.
        VerifyAudit: Operator, Reads;
        ExportAudit: Operator, Reads;
    }
}

impl Method {
    /// Whether callers ask it again and again to see how things are: such calls are recorded together, once a minute.
    pub fn is_polled(self) -> bool {
        matches!(
            self,
            Self::GetStatus
                | Self::CheckDatabase
                | Self::GetMaintenance
                | Self::GetOperation
                | Self::WaitOperation
                | Self::WatchOperation
        )
    }

    /// The method of a full name such as a gRPC path without its leading slash.
    pub fn from_full_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|method| method.full_name() == name)
    }
}
