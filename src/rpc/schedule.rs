//! ScheduleService.

use tonic::{Request, Response, Status};

use super::{Services, call::context, convert::moment, status::status};
use crate::{
    model::{method::Method, page::Page},
    ops::schedule::{list, pause},
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

    async fn list_schedule_runs(
        &self,
        request: Request<proto::ListScheduleRunsRequest>,
    ) -> Result<Response<proto::ListScheduleRunsResponse>, Status> {
        let context = context(Method::ListScheduleRuns, &request)?;
        let request = request.into_inner();
        let page = Page::new(request.page_size, &request.page_token).map_err(status)?;
        let (runs, next) = list::runs(&self.daemon, &context, &request.name, &page)
            .await
            .map_err(status)?;
        Ok(Response::new(proto::ListScheduleRunsResponse {
            runs: runs.into_iter().map(Into::into).collect(),
            next_page_token: next.unwrap_or_default(),
        }))
    }

    async fn pause_schedule(
        &self,
        request: Request<proto::PauseScheduleRequest>,
    ) -> Result<Response<proto::PauseScheduleResponse>, Status> {
        let context = context(Method::PauseSchedule, &request)?;
        let request = request.into_inner();
        let until = moment("until_time", request.until_time).map_err(status)?;
        let (name, reason) = (&request.name, &request.reason);
        let job = pause::pause(&self.daemon, &context, name, reason, until)
            .await
            .map_err(status)?;
        Ok(Response::new(proto::PauseScheduleResponse {
            schedule: Some(job.into()),
        }))
    }

    async fn resume_schedule(
        &self,
        request: Request<proto::ResumeScheduleRequest>,
    ) -> Result<Response<proto::ResumeScheduleResponse>, Status> {
        let context = context(Method::ResumeSchedule, &request)?;
        let job = pause::resume(&self.daemon, &context, &request.get_ref().name)
            .await
            .map_err(status)?;
        Ok(Response::new(proto::ResumeScheduleResponse {
            schedule: Some(job.into()),
        }))
    }
}
