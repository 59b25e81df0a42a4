//! ScheduleService.

use tonic::{Request, Response, Status};

use super::{Services, call::context, status::status};
use crate::{
    model::method::Method,
    ops::schedule::list,
    proto::{self, schedule_service_server::ScheduleService},
};

#[tonic::async_trait]
impl ScheduleService for Services {
    async fn list_schedules(
        &self,
        request: Request<proto::ListSchedulesRequest>,
    ) -> Result<Response<proto::ListSchedulesResponse>, Status> {
        let context = context(Method::ListSchedules, &request)?;
        let jobs = list::list(&self.daemon, &context, &request.get_ref().database)
            .await
            .map_err(status)?;
        Ok(Response::new(proto::ListSchedulesResponse {
            schedules: jobs.into_iter().map(Into::into).collect(),
        }))
    }

    async fn run_schedule(
        &self,
        request: Request<proto::RunScheduleRequest>,
    ) -> Result<Response<proto::RunScheduleResponse>, Status> {
        let context = context(Method::RunSchedule, &request)?;
        let request = request.into_inner();
        let operation = list::run_now(&self.daemon, &context, &request.name, &request.request_id)
            .await
            .map_err(status)?;
        Ok(Response::new(proto::RunScheduleResponse {
            operation: Some(operation.into()),
        }))
    }
}
