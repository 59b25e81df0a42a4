//! MigrationService.

use tonic::{Request, Response, Status};

use super::{
    Services,
    call::context,
    convert::{migration::summary, operation::validated},
    status::status,
};
use crate::{
    model::{method::Method, migration::Direction, page::Page},
    ops::migration::{create, list, run, version},
    proto::{self, migration_service_server::MigrationService, operation::Outcome},
};

#[tonic::async_trait]
impl MigrationService for Services {
    async fn create_revision(
        &self,
        request: Request<proto::CreateRevisionRequest>,
    ) -> Result<Response<proto::CreateRevisionResponse>, Status> {
        let context = context(Method::CreateRevision, &request)?;
        let request = request.into_inner();
        let new = create::NewRevision {
            message: request.message,
            parents: request.parents,
            upgrade_sql: request.upgrade_sql,
            downgrade_sql: request.downgrade_sql,
            branch_label: request.branch_label,
            non_transactional: request.non_transactional,
        };
        let database = &request.database;
        let info = create::create(&self.daemon, &context, database, new, &request.request_id)
            .await
            .map_err(status)?;
        Ok(Response::new(proto::CreateRevisionResponse {
            revision: Some(info.into()),
        }))
    }

    async fn list_revisions(
        &self,
        request: Request<proto::ListRevisionsRequest>,
    ) -> Result<Response<proto::ListRevisionsResponse>, Status> {
        let context = context(Method::ListRevisions, &request)?;
        let request = request.into_inner();
        let page = Page::new(request.page_size, &request.page_token).map_err(status)?;
        let (revisions, next) = list::list(&self.daemon, &context, &request.database, &page)
            .await
            .map_err(status)?;
        Ok(Response::new(proto::ListRevisionsResponse {
            revisions: revisions.into_iter().map(summary).collect(),
            next_page_token: next.unwrap_or_default(),
        }))
    }

    async fn get_revision(
        &self,
        request: Request<proto::GetRevisionRequest>,
    ) -> Result<Response<proto::GetRevisionResponse>, Status> {
        let context = context(Method::GetRevision, &request)?;
        let request = request.into_inner();
        let info = list::get(&self.daemon, &context, &request.database, &request.revision)
            .await
            .map_err(status)?;
        Ok(Response::new(proto::GetRevisionResponse {
            revision: Some(info.into()),
        }))
    }

    async fn get_schema_version(
        &self,
        request: Request<proto::GetSchemaVersionRequest>,
    ) -> Result<Response<proto::GetSchemaVersionResponse>, Status> {
        let context = context(Method::GetSchemaVersion, &request)?;
        let version = version::get(&self.daemon, &context, &request.get_ref().database)
            .await
            .map_err(status)?;
        Ok(Response::new(proto::GetSchemaVersionResponse {
            schema_version: Some(version.into()),
        }))
    }

    async fn upgrade(
        &self,
        request: Request<proto::UpgradeRequest>,
    ) -> Result<Response<proto::UpgradeResponse>, Status> {
        let context = context(Method::Upgrade, &request)?;
        let mut request = request.into_inner();
        if request.target.is_empty() {
            "head".clone_into(&mut request.target);
        }
        let wanted = Wanted {
            direction: Direction::Upgrade,
            database: request.database,
            target: request.target,
            validate_only: request.validate_only,
            request_id: request.request_id,
        };
        let operation = self.migrate(&context, wanted).await?;
        Ok(Response::new(proto::UpgradeResponse {
            operation: Some(operation),
        }))
    }

    async fn downgrade(
        &self,
        request: Request<proto::DowngradeRequest>,
    ) -> Result<Response<proto::DowngradeResponse>, Status> {
        let context = context(Method::Downgrade, &request)?;
        let request = request.into_inner();
        let wanted = Wanted {
            direction: Direction::Downgrade,
            database: request.database,
            target: request.target,
            validate_only: request.validate_only,
            request_id: request.request_id,
        };
        let operation = self.migrate(&context, wanted).await?;
        Ok(Response::new(proto::DowngradeResponse {
            operation: Some(operation),
        }))
    }
}

/// What Upgrade and Downgrade have in common.
struct Wanted {
    direction: Direction,
    database: String,
    target: String,
    validate_only: bool,
    request_id: String,
}

impl Services {
    async fn migrate(
        &self,
        context: &crate::ops::context::Context,
        wanted: Wanted,
    ) -> Result<proto::Operation, Status> {
        let (daemon, database, target) = (&self.daemon, &wanted.database, &wanted.target);
        if wanted.validate_only {
            let plan = run::dry_run(daemon, context, database, wanted.direction, target)
                .await
                .map_err(status)?;
            let database = plan.database.clone();
            let outcome = Outcome::Migration(plan.into());
            return Ok(validated(context.method.name(), &database, outcome));
        }
        let request_id = &wanted.request_id;
        run::migrate(
            daemon,
            context,
            database,
            wanted.direction,
            target,
            request_id,
        )
        .await
        .map(Into::into)
        .map_err(status)
    }
}
