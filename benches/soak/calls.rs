//! One client: it makes one call after the other, each of a kind that chance picks.

use std::{sync::Arc, time::Instant};

use anyhow::{Result, bail};
use pgsteward::proto::{
    CancelOperationRequest, CheckDatabaseRequest, CreateBackupRequest, CreateRevisionRequest,
    DeleteBackupRequest, DowngradeRequest, DownloadBackupRequest, EnterMaintenanceRequest,
    ExitMaintenanceRequest, GetMaintenanceRequest, GetSchemaVersionRequest, GetStatusRequest,
    ListAuditEntriesRequest, ListBackupsRequest, ListOperationsRequest, ListRevisionsRequest,
    ListSchedulesRequest, Operation, OptimizeRequest, RunDrillRequest, UpgradeRequest,
    VerifyBackupRequest, WaitOperationRequest, WatchOperationRequest,
    audit_service_client::AuditServiceClient, backup_service_client::BackupServiceClient,
    health_service_client::HealthServiceClient,
    maintenance_service_client::MaintenanceServiceClient,
    migration_service_client::MigrationServiceClient,
    operation_service_client::OperationServiceClient, restore_service_client::RestoreServiceClient,
    schedule_service_client::ScheduleServiceClient,
};
use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, transport::Channel};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use crate::{support::daemon::Daemon, tally::Tally};

/// What the managed database holds.
pub(crate) const TABLES: &str = "
    CREATE TABLE orders AS SELECT n AS id, repeat(md5(n::text), 8) AS note FROM generate_series(1, 60000) n;
    CREATE TABLE customers AS SELECT n AS id, md5(n::text) AS name FROM generate_series(1, 20000) n";

/// A call that takes longer hangs. Operations wait for each other; their waits end after a minute and are begun again.
const LONGEST_CALL: std::time::Duration = std::time::Duration::from_secs(90);

/// What a call may end with while others work on the same database and PostgreSQL goes away: each is explained to the caller
/// and can be tried again. Anything else is a defect.
const EXPLAINED: [Code; 7] = [
    Code::Unavailable,
    Code::Aborted,
    Code::FailedPrecondition,
    Code::DeadlineExceeded,
    Code::NotFound,
    Code::ResourceExhausted,
    Code::Cancelled,
];

/// The kinds of calls, each as often as it stands here.
const KINDS: [&str; 24] = [
    "Health/Check",
    "Health/Watch, left",
    "GetStatus",
    "GetStatus",
    "CheckDatabase",
    "ListBackups",
    "ListBackups",
    "ListOperations",
    "ListOperations",
    "ListAuditEntries",
    "ListAuditEntries",
    "ListSchedules",
    "ListRevisions",
    "GetSchemaVersion",
    "GetMaintenance",
    "CreateBackup",
    "CreateBackup, cancelled",
    "VerifyBackup",
    "DownloadBackup",
    "DownloadBackup, left",
    "Optimize",
    "RunDrill",
    "Upgrade and Downgrade",
    "Maintenance, in and out",
];

/// One client of the daemon.
pub(crate) struct Caller {
    channel: Channel,
    chance: SmallRng,
}

impl Caller {
    /// A client with a connection of its own; its number decides its chances.
    pub(crate) async fn new(daemon: &Daemon, number: u64) -> Result<Self> {
        Ok(Self {
            channel: daemon.connect().await?,
            chance: SmallRng::seed_from_u64(number),
        })
    }

    /// Makes each kind of call once; all must be good.
    pub(crate) async fn one_of_each(&mut self) -> Result<()> {
        self.revision().await?;
        for kind in KINDS {
            if let Err(status) = self.call(kind).await {
                bail!("{kind}: {status:?}");
            }
        }
        Ok(())
    }

    /// Calls until it is told to stop; an error is what no outage explains.
    pub(crate) async fn run(mut self, tally: Arc<Tally>, stop: CancellationToken) -> Result<()> {
        while !stop.is_cancelled() {
            let kind = KINDS[self.chance.random_range(0..KINDS.len())];
            let start = Instant::now();
            let Ok(ended) = tokio::time::timeout(LONGEST_CALL, self.call(kind)).await else {
                bail!("{kind} hangs");
            };
            let code = ended.as_ref().err().map(Status::code);
            tally.count(kind, code, start.elapsed());
            if let Err(status) = ended
                && !EXPLAINED.contains(&status.code())
            {
                bail!("{kind}: {status:?}");
            }
        }
        Ok(())
    }

    /// The revision that upgrades and downgrades go over.
    async fn revision(&mut self) -> Result<()> {
        let request = CreateRevisionRequest {
            message: "soak".to_owned(),
            upgrade_sql: "CREATE TABLE soak (id int);".to_owned(),
            downgrade_sql: "DROP TABLE soak;".to_owned(),
            ..CreateRevisionRequest::default()
        };
        self.migration().create_revision(request).await?;
        Ok(())
    }

    async fn call(&mut self, kind: &'static str) -> Result<(), Status> {
        match kind {
            "Health/Check" => {
                let request = HealthCheckRequest::default();
                HealthClient::new(self.channel.clone())
                    .check(request)
                    .await?;
            }
            "Health/Watch, left" => {
                let request = HealthCheckRequest {
                    service: "database/app".to_owned(),
                };
                let mut client = HealthClient::new(self.channel.clone());
                client.watch(request).await?.into_inner().message().await?;
            }
            "GetStatus" => {
                self.health().get_status(GetStatusRequest {}).await?;
            }
            "CheckDatabase" => {
                let request = CheckDatabaseRequest::default();
                self.health().check_database(request).await?;
            }
            "ListOperations" => {
                let request = ListOperationsRequest::default();
                self.operations().list_operations(request).await?;
            }
            "ListAuditEntries" => {
                let request = ListAuditEntriesRequest::default();
                let mut client = AuditServiceClient::new(self.channel.clone());
                client.list_audit_entries(request).await?;
            }
            "ListSchedules" => {
                let request = ListSchedulesRequest::default();
                let mut client = ScheduleServiceClient::new(self.channel.clone());
                client.list_schedules(request).await?;
            }
            "ListRevisions" => {
                let request = ListRevisionsRequest::default();
                self.migration().list_revisions(request).await?;
            }
            "GetSchemaVersion" => {
                let request = GetSchemaVersionRequest::default();
                self.migration().get_schema_version(request).await?;
            }
            "GetMaintenance" => {
                let request = GetMaintenanceRequest::default();
                self.maintenance().get_maintenance(request).await?;
            }
            "Optimize" => {
                let request = OptimizeRequest::default();
                let answer = self.maintenance().optimize(request).await?;
                self.end(answer.into_inner().operation).await?;
            }
            "RunDrill" => {
                let request = RunDrillRequest::default();
                let mut client = RestoreServiceClient::new(self.channel.clone());
                let answer = client.run_drill(request).await?;
                self.end(answer.into_inner().operation).await?;
            }
            "Upgrade and Downgrade" => self.there_and_back().await?,
            "Maintenance, in and out" => self.in_and_out().await?,
            _ => self.about_backups(kind).await?,
        }
        Ok(())
    }

    async fn about_backups(&mut self, kind: &'static str) -> Result<(), Status> {
        let mut backups = BackupServiceClient::new(self.channel.clone());
        let listed = backups.list_backups(ListBackupsRequest::default()).await?;
        let mut names = listed.into_inner().backups.into_iter().map(|b| b.filename);
        let newest = names.next().unwrap_or_default();
        match kind {
            "CreateBackup" => {
                let request = CreateBackupRequest::default();
                let answer = backups.create_backup(request).await?;
                self.end(answer.into_inner().operation).await?;
                // Not more than a handful is kept, and the oldest goes.
                if let Some(filename) = names.nth(5) {
                    backups
                        .delete_backup(DeleteBackupRequest { filename })
                        .await?;
                }
            }
            "CreateBackup, cancelled" => {
                let request = CreateBackupRequest::default();
                let answer = backups.create_backup(request).await?.into_inner();
                let id = answer.operation.map(|o| o.id).unwrap_or_default();
                let request = WatchOperationRequest { id: id.clone() };
                let watched = self.operations().watch_operation(request).await?;
                watched.into_inner().message().await?;
                let request = CancelOperationRequest { id: id.clone() };
                let cancelled = self.operations().cancel_operation(request).await?;
                self.end(cancelled.into_inner().operation).await?;
            }
            "VerifyBackup" if !newest.is_empty() => {
                let request = VerifyBackupRequest {
                    filename: newest,
                    ..VerifyBackupRequest::default()
                };
                let answer = backups.verify_backup(request).await?;
                self.end(answer.into_inner().operation).await?;
            }
            "DownloadBackup" | "DownloadBackup, left" if !newest.is_empty() => {
                let request = DownloadBackupRequest {
                    filename: newest,
                    ..DownloadBackupRequest::default()
                };
                let mut stream = backups.download_backup(request).await?.into_inner();
                while stream.message().await?.is_some() && kind == "DownloadBackup" {}
            }
            _ => {}
        }
        Ok(())
    }

    async fn there_and_back(&mut self) -> Result<(), Status> {
        let request = UpgradeRequest {
            target: "head".to_owned(),
            ..UpgradeRequest::default()
        };
        let answer = self.migration().upgrade(request).await?;
        self.end(answer.into_inner().operation).await?;
        let request = DowngradeRequest {
            target: "base".to_owned(),
            ..DowngradeRequest::default()
        };
        let answer = self.migration().downgrade(request).await?;
        self.end(answer.into_inner().operation).await
    }

    async fn in_and_out(&mut self) -> Result<(), Status> {
        let request = EnterMaintenanceRequest {
            reason: "soak".to_owned(),
            ..EnterMaintenanceRequest::default()
        };
        let answer = self.maintenance().enter_maintenance(request).await?;
        self.end(answer.into_inner().operation).await?;
        let request = ExitMaintenanceRequest::default();
        let answer = self.maintenance().exit_maintenance(request).await?;
        self.end(answer.into_inner().operation).await
    }

    /// Waits until the operation is done, however it ends: that is in its record.
    async fn end(&mut self, operation: Option<Operation>) -> Result<(), Status> {
        let id = operation.map(|operation| operation.id).unwrap_or_default();
        let request = WaitOperationRequest { id, timeout: None };
        self.operations().wait_operation(request).await?;
        Ok(())
    }

    fn operations(&self) -> OperationServiceClient<Channel> {
        OperationServiceClient::new(self.channel.clone())
    }

    fn maintenance(&self) -> MaintenanceServiceClient<Channel> {
        MaintenanceServiceClient::new(self.channel.clone())
    }

    fn migration(&self) -> MigrationServiceClient<Channel> {
        MigrationServiceClient::new(self.channel.clone())
    }

    fn health(&self) -> HealthServiceClient<Channel> {
        HealthServiceClient::new(self.channel.clone())
    }
}
