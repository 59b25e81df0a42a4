//! RestoreService.

use tonic::{Request, Response, Status};

use super::{
    Services, call::context, convert::restore::request as restore_request, status::status,
};
use crate::{
    model::{method::Method, page::Page},
    ops::restore::{approve, drill, plan, replaced, restore_backup, rollback},
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
        let plan = plan::plan(
            &self.daemon,
            &context,
            &request.database,
            &request.filename,
            &request.into_database,
            request.create_roles,
        )
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
        let (database, request_id) = (request.database.clone(), request.request_id.clone());
        let operation = restore_backup::restore(
            &self.daemon,
            &context,
            &database,
            restore_request(request),
            &request_id,
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
        let context = context(Method::ApproveRestore, &request)?;
        let request = request.into_inner();
        let (id, reason) = (&request.operation_id, &request.reason);
        let operation = approve::approve(&self.daemon, &context, id, reason)
            .await
            .map_err(status)?;
        Ok(Response::new(proto::ApproveRestoreResponse {
            operation: Some(operation.into()),
        }))
    }

    async fn run_drill(
        &self,
        request: Request<proto::RunDrillRequest>,
    ) -> Result<Response<proto::RunDrillResponse>, Status> {
        let context = context(Method::RunDrill, &request)?;
        let request = request.into_inner();
        let operation = drill::run_drill(
            &self.daemon,
            &context,
            &request.database,
            &request.filename,
            &request.request_id,
        )
        .await
        .map_err(status)?;
        Ok(Response::new(proto::RunDrillResponse {
            operation: Some(operation.into()),
        }))
    }

    async fn list_drills(
        &self,
        request: Request<proto::ListDrillsRequest>,
    ) -> Result<Response<proto::ListDrillsResponse>, Status> {
        let context = context(Method::ListDrills, &request)?;
        let request = request.into_inner();
        let page = Page::new(request.page_size, &request.page_token).map_err(status)?;
        let (drills, next) = drill::list(&self.daemon, &context, &request.database, &page)
            .await
            .map_err(status)?;
        Ok(Response::new(proto::ListDrillsResponse {
            drills: drills.into_iter().map(Into::into).collect(),
            next_page_token: next.unwrap_or_default(),
        }))
    }
}
