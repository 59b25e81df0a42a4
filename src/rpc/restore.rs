//! RestoreService.

use tonic::{Request, Response, Status};

use super::{Services, call::context, status::status};
use crate::{
    model::method::Method,
    ops::restore::{plan, replaced, restore_backup, rollback},
    proto::{self, restore_service_server::RestoreService},
};

#[tonic::async_trait]
impl RestoreService for Services {
    async fn plan_restore(
        &self,
        request: Request<proto::PlanRestoreRequest>,
    ) -> Result<Response<proto::PlanRestoreResponse>, Status> {
        let context = context(Method::PlanRestore, &request)?;
        let request = request.into_inner();
        let plan = plan::plan(&self.daemon, &context, &request.database, &request.filename)
            .await
            .map_err(status)?;
        Ok(Response::new(proto::PlanRestoreResponse {
            plan: Some(plan.into()),
        }))
    }

    async fn restore(
        &self,
        request: Request<proto::RestoreRequest>,
    ) -> Result<Response<proto::RestoreResponse>, Status> {
        let context = context(Method::Restore, &request)?;
        let request = request.into_inner();
        let operation = restore_backup::restore(
            &self.daemon,
            &context,
            &request.database,
            &request.filename,
            &request.confirm_database,
            &request.reason,
            &request.request_id,
        )
        .await
        .map_err(status)?;
        Ok(Response::new(proto::RestoreResponse {
            operation: Some(operation.into()),
        }))
    }

    async fn rollback_restore(
        &self,
        request: Request<proto::RollbackRestoreRequest>,
    ) -> Result<Response<proto::RollbackRestoreResponse>, Status> {
        let context = context(Method::RollbackRestore, &request)?;
        let request = request.into_inner();
        let operation = rollback::rollback(
            &self.daemon,
            &context,
            &request.database,
            &request.confirm_database,
            &request.reason,
            &request.replaced_database,
            &request.request_id,
        )
        .await
        .map_err(status)?;
        Ok(Response::new(proto::RollbackRestoreResponse {
            operation: Some(operation.into()),
        }))
    }

    async fn list_replaced_databases(
        &self,
        request: Request<proto::ListReplacedDatabasesRequest>,
    ) -> Result<Response<proto::ListReplacedDatabasesResponse>, Status> {
        let context = context(Method::ListReplacedDatabases, &request)?;
        let replaced = replaced::list(&self.daemon, &context, &request.get_ref().database)
            .await
            .map_err(status)?;
        Ok(Response::new(proto::ListReplacedDatabasesResponse {
            replaced_databases: replaced.into_iter().map(Into::into).collect(),
        }))
    }

    async fn approve_restore(
        &self,
        request: Request<proto::ApproveRestoreRequest>,
    ) -> Result<Response<proto::ApproveRestoreResponse>, Status> {
        context(Method::ApproveRestore, &request)?;
        Err(Status::unimplemented("not served yet"))
    }

    async fn run_drill(
        &self,
        request: Request<proto::RunDrillRequest>,
    ) -> Result<Response<proto::RunDrillResponse>, Status> {
        context(Method::RunDrill, &request)?;
        Err(Status::unimplemented("not served yet"))
    }

    async fn list_drills(
        &self,
        request: Request<proto::ListDrillsRequest>,
    ) -> Result<Response<proto::ListDrillsResponse>, Status> {
        context(Method::ListDrills, &request)?;
        Err(Status::unimplemented("not served yet"))
    }
}
