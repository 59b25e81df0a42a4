//! MaintenanceService.

use tonic::{Request, Response, Status};

use super::{
    Services,
    call::context,
    convert::{self, operation::validated},
    status::status,
};
use crate::{
    model::method::Method,
    ops::maintenance::{mode, optimize, privileges, provision, reindex, stats},
    proto::{self, maintenance_service_server::MaintenanceService, operation::Outcome},
};

#[tonic::async_trait]
impl MaintenanceService for Services {
    async fn optimize(
        &self,
        request: Request<proto::OptimizeRequest>,
    ) -> Result<Response<proto::OptimizeResponse>, Status> {
        let context = context(Method::Optimize, &request)?;
        let request = request.into_inner();
        let options = convert::optimize::options(&request);
        let operation = optimize::optimize(
            &self.daemon,
            &context,
            &request.database,
            options,
            &request.request_id,
        )
        .await
        .map_err(status)?;
        Ok(Response::new(proto::OptimizeResponse {
            operation: Some(operation.into()),
        }))
    }

    async fn reindex(
        &self,
        request: Request<proto::ReindexRequest>,
    ) -> Result<Response<proto::ReindexResponse>, Status> {
        let context = context(Method::Reindex, &request)?;
        let request = request.into_inner();
        let options = convert::reindex::options(&request);
        let operation = reindex::reindex(
            &self.daemon,
            &context,
            &request.database,
            options,
            &request.request_id,
        )
        .await
        .map_err(status)?;
        Ok(Response::new(proto::ReindexResponse {
            operation: Some(operation.into()),
        }))
    }

    async fn enter_maintenance(
        &self,
        request: Request<proto::EnterMaintenanceRequest>,
    ) -> Result<Response<proto::EnterMaintenanceResponse>, Status> {
        let context = context(Method::EnterMaintenance, &request)?;
        let request = request.into_inner();
        let entry = convert::maintenance::entry(&request);
        let operation = mode::enter(
            &self.daemon,
            &context,
            &request.database,
            entry,
            &request.request_id,
        )
        .await
        .map_err(status)?;
        Ok(Response::new(proto::EnterMaintenanceResponse {
            operation: Some(operation.into()),
        }))
    }

    async fn exit_maintenance(
        &self,
        request: Request<proto::ExitMaintenanceRequest>,
    ) -> Result<Response<proto::ExitMaintenanceResponse>, Status> {
        let context = context(Method::ExitMaintenance, &request)?;
        let request = request.into_inner();
        let operation = mode::exit(
            &self.daemon,
            &context,
            &request.database,
            &request.request_id,
        )
        .await
        .map_err(status)?;
        Ok(Response::new(proto::ExitMaintenanceResponse {
            operation: Some(operation.into()),
        }))
    }

    async fn get_maintenance(
        &self,
        request: Request<proto::GetMaintenanceRequest>,
    ) -> Result<Response<proto::GetMaintenanceResponse>, Status> {
        let context = context(Method::GetMaintenance, &request)?;
        let state = mode::get(&self.daemon, &context, &request.get_ref().database)
            .await
            .map_err(status)?;
        Ok(Response::new(proto::GetMaintenanceResponse {
            maintenance: Some(state.into()),
        }))
    }

    async fn provision_roles(
        &self,
        request: Request<proto::ProvisionRolesRequest>,
    ) -> Result<Response<proto::ProvisionRolesResponse>, Status> {
        let context = context(Method::ProvisionRoles, &request)?;
        let request = request.into_inner();
        let (database, request_id) = (request.database.clone(), request.request_id.clone());
        let validate_only = request.validate_only;
        let wanted = request.into();
        let operation = if validate_only {
            let plan = provision::plan(&self.daemon, &context, &database, &wanted)
                .await
                .map_err(status)?;
            let database = plan.database.clone();
            let outcome = Outcome::Provisioned(plan.into());
            validated(context.method.name(), &database, outcome)
        } else {
            provision::provision(&self.daemon, &context, &database, wanted, &request_id)
                .await
                .map_err(status)?
                .into()
        };
        Ok(Response::new(proto::ProvisionRolesResponse {
            operation: Some(operation),
        }))
    }

    async fn check_privileges(
        &self,
        request: Request<proto::CheckPrivilegesRequest>,
    ) -> Result<Response<proto::CheckPrivilegesResponse>, Status> {
        let context = context(Method::CheckPrivileges, &request)?;
        let request = request.into_inner();
        let operation = privileges::check(
            &self.daemon,
            &context,
            &request.database,
            &request.request_id,
        )
        .await
        .map_err(status)?;
        Ok(Response::new(proto::CheckPrivilegesResponse {
            operation: Some(operation.into()),
        }))
    }

    async fn get_database_stats(
        &self,
        request: Request<proto::GetDatabaseStatsRequest>,
    ) -> Result<Response<proto::GetDatabaseStatsResponse>, Status> {
        let context = context(Method::GetDatabaseStats, &request)?;
        let request = request.into_inner();
        let stats = stats::get(&self.daemon, &context, &request.database, request.limit)
            .await
            .map_err(status)?;
        Ok(Response::new(proto::GetDatabaseStatsResponse {
            stats: Some(stats.into()),
        }))
    }
}
