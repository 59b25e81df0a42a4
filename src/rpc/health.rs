//! HealthService.

use tonic::{Request, Response, Status};

use super::{Services, call::context, status::status};
use crate::{
    model::method::Method,
    ops::health::{check, status as overview},
    proto::{self, health_service_server::HealthService},
};

#[tonic::async_trait]
impl HealthService for Services {
    async fn check_database(
        &self,
        request: Request<proto::CheckDatabaseRequest>,
    ) -> Result<Response<proto::CheckDatabaseResponse>, Status> {
        let context = context(Method::CheckDatabase, &request)?;
        let (health, control) = check::check(&self.daemon, &context, &request.get_ref().database)
            .await
            .map_err(status)?;
        Ok(Response::new(proto::CheckDatabaseResponse {
            health: Some(health.into()),
            control_store: Some(control.into()),
        }))
    }

    async fn get_status(
        &self,
        request: Request<proto::GetStatusRequest>,
    ) -> Result<Response<proto::GetStatusResponse>, Status> {
        let context = context(Method::GetStatus, &request)?;
        let seen = overview::status(&self.daemon, &context)
            .await
            .map_err(status)?;
        Ok(Response::new(seen.into()))
    }
}
