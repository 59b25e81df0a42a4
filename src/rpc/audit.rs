//! AuditService.

use tonic::{Request, Response, Status};

use super::{
    Services,
    call::{context, optional},
    status::status,
};
use crate::{
    model::{method::Method, page::Page},
    ops::audit,
    proto::{self, audit_service_server::AuditService},
};

#[tonic::async_trait]
impl AuditService for Services {
    async fn list_audit_entries(
        &self,
        request: Request<proto::ListAuditEntriesRequest>,
    ) -> Result<Response<proto::ListAuditEntriesResponse>, Status> {
        let context = context(Method::ListAuditEntries, &request)?;
        let request = request.into_inner();
        let page = Page::new(request.page_size, &request.page_token).map_err(status)?;
        let (database, principal) = (optional(request.database), optional(request.principal));
        let (entries, next) = audit::list(
            &self.daemon,
            &context,
            database.as_deref(),
            principal.as_deref(),
            &page,
        )
        .await
        .map_err(status)?;
        Ok(Response::new(proto::ListAuditEntriesResponse {
            entries: entries.into_iter().map(Into::into).collect(),
            next_page_token: next.unwrap_or_default(),
        }))
    }
}
