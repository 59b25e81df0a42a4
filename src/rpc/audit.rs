//! AuditService.

use std::{collections::VecDeque, pin::Pin};

use futures_util::{StreamExt as _, stream};
use tokio_stream::Stream;
use tonic::{Request, Response, Status};

use super::{
    Services,
    call::{context, optional},
    convert::audit::{head, moment, wanted_outcome},
    status::status,
    unless_stopped,
};
use crate::{
    model::{audit::AuditFilter, failure::Failure, method::Method, page::Page},
    ops::audit,
    proto::{self, audit_service_server::AuditService},
    state::audit::AuditStep,
};

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl AuditService for Services {
    async fn list_audit_entries(
        &self,
        request: Request<proto::ListAuditEntriesRequest>,
    ) -> Result<Response<proto::ListAuditEntriesResponse>, Status> {
        let context = context(Method::ListAuditEntries, &request)?;
        let request = request.into_inner();
        let page = Page::new(request.page_size, &request.page_token).map_err(status)?;
        let filter = filter(request).map_err(status)?;
        let (entries, next) = audit::list(&self.daemon, &context, filter, &page)
            .await
            .map_err(status)?;
        Ok(Response::new(proto::ListAuditEntriesResponse {
            entries: entries.into_iter().map(Into::into).collect(),
            next_page_token: next.unwrap_or_default(),
        }))
    }

    type WatchAuditStream = Answers<proto::WatchAuditResponse>;

    async fn watch_audit(
        &self,
        request: Request<proto::WatchAuditRequest>,
    ) -> Result<Response<Self::WatchAuditStream>, Status> {
        let context = context(Method::WatchAudit, &request)?;
        let request = request.into_inner();
        let filter = AuditFilter {
            databases: optional(request.database).map(|database| vec![database]),
            principal: optional(request.principal),
            reads: request.include_reads,
            ..AuditFilter::default()
        };
        let (filter, after) = audit::watch(&self.daemon, &context, filter, request.after)
            .await
            .map_err(status)?;
        let watch = Watch {
            services: self.clone(),
            filter,
            after,
            steps: VecDeque::new(),
        };
        // Nothing is read before the reader has taken what was: a slow one holds no memory.
        let answers = stream::unfold(Some(watch), |watch| async {
            let mut watch = watch?;
            match watch.next().await {
                Ok(step) => Some((Ok(step), Some(watch))),
                Err(end) => Some((Err(end), None)),
            }
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn verify_audit(
        &self,
        request: Request<proto::VerifyAuditRequest>,
    ) -> Result<Response<proto::VerifyAuditResponse>, Status> {
        let context = context(Method::VerifyAudit, &request)?;
        let expected = request.get_ref().expected.as_ref();
        let expected = expected
            .map(|expected| head("expected", expected))
            .transpose()
            .map_err(status)?;
        let verifying = audit::verify(&self.daemon, &context, expected);
        let verification = unless_stopped(&self.stop, verifying)
            .await?
            .map_err(status)?;
        Ok(Response::new(verification.into()))
    }

    type ExportAuditStream = Answers<proto::ExportAuditResponse>;

    async fn export_audit(
        &self,
        request: Request<proto::ExportAuditRequest>,
    ) -> Result<Response<Self::ExportAuditStream>, Status> {
        let context = context(Method::ExportAudit, &request)?;
        let request = request.into_inner();
        let since = moment("since", request.since).map_err(status)?;
        let until = moment("until", request.until).map_err(status)?;
        let parts = audit::export(&self.daemon, &context, since, until)
            .await
            .map_err(status)?;
        let stop = self.stop.clone();
        let answers = parts
            .map(|part| {
                part.map(|lines| proto::ExportAuditResponse { lines })
                    .map_err(status)
            })
            // An export that has no last line was cut, and shows it.
            .take_until(async move { stop.cancelled().await });
        Ok(Response::new(Box::pin(answers)))
    }
}

fn filter(request: proto::ListAuditEntriesRequest) -> Result<AuditFilter, Failure> {
    Ok(AuditFilter {
        databases: optional(request.database).map(|database| vec![database]),
        principal: optional(request.principal),
        method: optional(request.method),
        outcome: wanted_outcome(request.outcome)?,
        since: moment("since", request.since)?,
        until: moment("until", request.until)?,
        reads: request.include_reads,
    })
}

/// A watch between two answers.
struct Watch {
    services: Services,
    filter: AuditFilter,
    after: i64,
    steps: VecDeque<AuditStep>,
}

impl Watch {
    /// The next step that is asked for, or why there are no more.
    async fn next(&mut self) -> Result<proto::WatchAuditResponse, Status> {
        loop {
            while let Some(step) = self.steps.pop_front() {
                self.after = step.position;
                if self.filter.includes(&step.entry) {
                    return Ok(proto::WatchAuditResponse {
                        entry: Some(step.entry.into()),
                        position: step.position,
                    });
                }
            }
            let Services { daemon, stop } = &self.services;
            let steps = unless_stopped(stop, audit::steps(daemon, self.after)).await?;
            self.steps = steps.map_err(status)?.into();
        }
    }
}
