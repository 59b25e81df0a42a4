//! OperationService.

use std::{pin::Pin, time::Duration};

use futures_util::stream;
use tokio_stream::Stream;
use tonic::{Request, Response, Status};

use super::{
    Services,
    call::{context, optional},
    convert::operation::state_filter,
    status::status,
    unless_stopped,
};
use crate::{
    model::{failure::Failure, method::Method, page::Page},
    ops::operations,
    proto::{self, operation_service_server::OperationService},
    state::operations::OperationFilter,
};

#[tonic::async_trait]
impl OperationService for Services {
    async fn get_operation(
        &self,
        request: Request<proto::GetOperationRequest>,
    ) -> Result<Response<proto::GetOperationResponse>, Status> {
        let context = context(Method::GetOperation, &request)?;
        let operation = operations::get(&self.daemon, &context, &request.get_ref().id)
            .await
            .map_err(status)?;
        Ok(Response::new(proto::GetOperationResponse {
            operation: Some(operation.into()),
        }))
    }

    async fn list_operations(
        &self,
        request: Request<proto::ListOperationsRequest>,
    ) -> Result<Response<proto::ListOperationsResponse>, Status> {
        let context = context(Method::ListOperations, &request)?;
        let request = request.into_inner();
        let state = proto::OperationState::try_from(request.state).map_err(|_| {
            let expected = "must be the name or number of an operation state";
            status(Failure::invalid_field("state", expected))
        })?;
        let page = Page::new(request.page_size, &request.page_token).map_err(status)?;
        let filter = OperationFilter {
            databases: None,
            method: optional(request.method),
            state: state_filter(state),
        };
        let database = optional(request.database);
        let (operations, next) =
            operations::list(&self.daemon, &context, database.as_deref(), filter, &page)
                .await
                .map_err(status)?;
        Ok(Response::new(proto::ListOperationsResponse {
            operations: operations.into_iter().map(Into::into).collect(),
            next_page_token: next.unwrap_or_default(),
        }))
    }

    async fn wait_operation(
        &self,
        request: Request<proto::WaitOperationRequest>,
    ) -> Result<Response<proto::WaitOperationResponse>, Status> {
        let context = context(Method::WaitOperation, &request)?;
        let request = request.into_inner();
        let timeout = request
            .timeout
            .map(wait_limit)
            .transpose()
            .map_err(status)?;
        let done = unless_stopped(
            &self.stop,
            operations::done(&self.daemon, &context, &request.id),
        );
        let operation = match timeout {
            None => done.await?.map_err(status)?,
            Some(timeout) => match tokio::time::timeout(timeout, done).await {
                Ok(done) => done?.map_err(status)?,
                Err(_) => operations::get(&self.daemon, &context, &request.id)
                    .await
                    .map_err(status)?,
            },
        };
        Ok(Response::new(proto::WaitOperationResponse {
            operation: Some(operation.into()),
        }))
    }

    type WatchOperationStream =
        Pin<Box<dyn Stream<Item = Result<proto::WatchOperationResponse, Status>> + Send>>;

    async fn watch_operation(
        &self,
        request: Request<proto::WatchOperationRequest>,
    ) -> Result<Response<Self::WatchOperationStream>, Status> {
        let context = context(Method::WatchOperation, &request)?;
        let first = operations::get(&self.daemon, &context, &request.get_ref().id)
            .await
            .map_err(status)?;
        let services = self.clone();
        // The state is what comes next: the first operation, then each change, then nothing once it was done.
        let stream = stream::unfold(Some((first, true)), move |state| {
            let services = services.clone();
            async move {
                let (seen, is_first) = state?;
                if is_first {
                    let next = (!seen.state.is_final()).then(|| (seen.clone(), false));
                    return Some((Ok(message(seen)), next));
                }
                let changed = operations::changed(&services.daemon, &seen);
                match unless_stopped(&services.stop, changed).await {
                    Ok(Ok(now)) => {
                        let next = (!now.state.is_final()).then(|| (now.clone(), false));
                        Some((Ok(message(now)), next))
                    }
                    Ok(Err(failure)) => Some((Err(status(failure)), None)),
                    Err(stopped) => Some((Err(stopped), None)),
                }
            }
        });
        Ok(Response::new(Box::pin(stream)))
    }

    async fn cancel_operation(
        &self,
        request: Request<proto::CancelOperationRequest>,
    ) -> Result<Response<proto::CancelOperationResponse>, Status> {
        let context = context(Method::CancelOperation, &request)?;
        let operation = operations::cancel(&self.daemon, &context, &request.get_ref().id)
            .await
            .map_err(status)?;
        Ok(Response::new(proto::CancelOperationResponse {
            operation: Some(operation.into()),
        }))
    }
}

fn wait_limit(timeout: prost_types::Duration) -> Result<Duration, Failure> {
    Duration::try_from(timeout)
        .map_err(|_| Failure::invalid_field("timeout", "must not be negative"))
}

fn message(operation: crate::model::operation::Operation) -> proto::WatchOperationResponse {
    proto::WatchOperationResponse {
        operation: Some(operation.into()),
    }
}
