//! Clients of all services over one channel, and the few calls that many tests begin with.

use pgsteward::proto::{
    Backup, CreateBackupRequest, CreateRevisionRequest, EnterMaintenanceRequest,
    ExitMaintenanceRequest, Maintenance, MigrationResult, Operation, OperationError,
    OperationState, Revision, UpgradeRequest, WaitOperationRequest,
    audit_service_client::AuditServiceClient, backup_service_client::BackupServiceClient,
    health_service_client::HealthServiceClient,
    maintenance_service_client::MaintenanceServiceClient,
    migration_service_client::MigrationServiceClient, operation::Outcome,
    operation_service_client::OperationServiceClient, restore_service_client::RestoreServiceClient,
    schedule_service_client::ScheduleServiceClient,
};
use tonic::{
    Code, Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};
use tonic_types::StatusExt as _;

use super::wait::BOUND;

/// A channel whose calls carry the token, if there is one.
pub(crate) type Authorized = InterceptedService<Channel, Bearer>;

/// Puts a token into each call.
#[derive(Clone)]
pub(crate) struct Bearer(Option<MetadataValue<Ascii>>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request
                .metadata_mut()
                .insert("authorization", token.clone());
        }
        Ok(request)
    }
}

/// A caller of one daemon.
#[derive(Clone)]
pub(crate) struct Client {
    channel: Channel,
    bearer: Bearer,
}

impl Client {
    /// Connects to `host:port`.
    pub(crate) async fn connect(address: &str, token: Option<&str>) -> Self {
        let endpoint = Endpoint::new(format!("http://{address}")).unwrap();
        let bearer = token.map(|token| format!("Bearer {token}").parse().unwrap());
        Self {
            // A call that takes longer is a call that hangs.
            channel: endpoint.timeout(BOUND).connect().await.unwrap(),
            bearer: Bearer(bearer),
        }
    }

    /// Of a channel that is there.
    pub(crate) fn of_channel(channel: Channel, token: Option<&str>) -> Self {
        let bearer = token.map(|token| format!("Bearer {token}").parse().unwrap());
        Self {
            channel,
            bearer: Bearer(bearer),
        }
    }

    /// The channel with the token, for clients that have no function here.
    pub(crate) fn authorized(&self) -> Authorized {
        InterceptedService::new(self.channel.clone(), self.bearer.clone())
    }

    pub(crate) fn migration(&self) -> MigrationServiceClient<Authorized> {
        MigrationServiceClient::new(self.authorized())
    }

    pub(crate) fn backup(&self) -> BackupServiceClient<Authorized> {
        BackupServiceClient::new(self.authorized())
    }

    pub(crate) fn restore(&self) -> RestoreServiceClient<Authorized> {
        RestoreServiceClient::new(self.authorized())
    }

    pub(crate) fn maintenance(&self) -> MaintenanceServiceClient<Authorized> {
        MaintenanceServiceClient::new(self.authorized())
    }

    pub(crate) fn health(&self) -> HealthServiceClient<Authorized> {
        HealthServiceClient::new(self.authorized())
    }

    pub(crate) fn operations(&self) -> OperationServiceClient<Authorized> {
        OperationServiceClient::new(self.authorized())
    }

    pub(crate) fn schedule(&self) -> ScheduleServiceClient<Authorized> {
        ScheduleServiceClient::new(self.authorized())
    }

    pub(crate) fn audit(&self) -> AuditServiceClient<Authorized> {
        AuditServiceClient::new(self.authorized())
    }

    /// The operation when it is done.
    pub(crate) async fn wait(&self, operation: Option<Operation>) -> Operation {
        self.wait_for(&operation.unwrap().id).await
    }

    /// The operation of that id when it is done.
    pub(crate) async fn wait_for(&self, id: &str) -> Operation {
        let request = WaitOperationRequest {
            id: id.to_owned(),
            timeout: None,
        };
        let answer = self.operations().wait_operation(request).await.unwrap();
        let operation = answer.into_inner().operation.unwrap();
        assert!(operation.done, "{operation:?}");
        operation
    }

    /// What the operation gave; it must succeed.
    pub(crate) async fn outcome(&self, operation: Option<Operation>) -> Outcome {
        let operation = self.wait(operation).await;
        let succeeded = operation.state() == OperationState::Succeeded;
        assert!(succeeded, "{operation:?}");
        operation.outcome.unwrap()
    }

    /// Why the operation failed; it must fail.
    pub(crate) async fn failure(&self, operation: Option<Operation>) -> OperationError {
        failure_of(self.wait(operation).await)
    }

    /// Makes a revision after the only head.
    pub(crate) async fn revision(&self, upgrade_sql: &str, downgrade_sql: &str) -> Revision {
        let request = CreateRevisionRequest {
            message: "a change".to_owned(),
            upgrade_sql: upgrade_sql.to_owned(),
            downgrade_sql: downgrade_sql.to_owned(),
            ..CreateRevisionRequest::default()
        };
        let answer = self.migration().create_revision(request).await.unwrap();
        answer.into_inner().revision.unwrap()
    }

    /// Upgrades to a target and waits; it must succeed.
    pub(crate) async fn upgrade(&self, target: &str) -> MigrationResult {
        let request = UpgradeRequest {
            target: target.to_owned(),
            ..UpgradeRequest::default()
        };
        let answer = self.migration().upgrade(request).await.unwrap();
        match self.outcome(answer.into_inner().operation).await {
            Outcome::Migration(result) => result,
            other => panic!("{other:?}"),
        }
    }

    /// Starts a backup.
    pub(crate) async fn start_backup(&self) -> Option<Operation> {
        let request = CreateBackupRequest::default();
        let answer = self.backup().create_backup(request).await.unwrap();
        answer.into_inner().operation
    }

    /// Backs up and waits; it must succeed.
    pub(crate) async fn back_up(&self) -> Backup {
        match self.outcome(self.start_backup().await).await {
            Outcome::Backup(backup) => backup,
            other => panic!("{other:?}"),
        }
    }

    /// Enters maintenance mode and waits; it must succeed.
    pub(crate) async fn enter_maintenance(&self) -> Maintenance {
        let request = EnterMaintenanceRequest {
            reason: "a test".to_owned(),
            ..EnterMaintenanceRequest::default()
        };
        let answer = self.maintenance().enter_maintenance(request).await.unwrap();
        maintenance(self.outcome(answer.into_inner().operation).await)
    }

    /// Leaves maintenance mode and waits; it must succeed.
    pub(crate) async fn exit_maintenance(&self) -> Maintenance {
        let request = ExitMaintenanceRequest::default();
        let answer = self.maintenance().exit_maintenance(request).await.unwrap();
        maintenance(self.outcome(answer.into_inner().operation).await)
    }
}

fn maintenance(outcome: Outcome) -> Maintenance {
    match outcome {
        Outcome::Maintenance(state) => state,
        other => panic!("{other:?}"),
    }
}

/// The error of an operation that is done and failed.
pub(crate) fn failure_of(operation: Operation) -> OperationError {
    assert_eq!(operation.state(), OperationState::Failed, "{operation:?}");
    match operation.outcome {
        Some(Outcome::Error(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// The refusal of a call, which must have this code and this reason in its `google.rpc.ErrorInfo`.
#[track_caller]
pub(crate) fn expect_reason<T>(answer: Result<T, Status>, code: Code, reason: &str) -> Status {
    let status = answer.err().expect("the call was not refused");
    assert_eq!(status.code(), code, "{status:?}");
    let details = status.get_error_details();
    let info = details.error_info().expect("there is no ErrorInfo");
    assert_eq!(info.reason, reason, "{status:?}");
    assert_eq!(info.domain, "pgsteward");
    status
}

/// The refusal of a call for one field of its request.
#[track_caller]
pub(crate) fn expect_field<T>(answer: Result<T, Status>, field: &str) {
    let status = expect_reason(answer, Code::InvalidArgument, "INVALID_FIELD");
    let details = status.get_error_details();
    let violations = &details.bad_request().unwrap().field_violations;
    let fields: Vec<&str> = violations.iter().map(|v| v.field.as_str()).collect();
    assert_eq!(fields, [field], "{status:?}");
}
