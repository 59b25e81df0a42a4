//! MigrationService.

use tonic::{Request, Response, Status};

use super::{
    Services,
    call::context,
    convert::{migration::summary, operation::validated},
    status::status,
};
use crate::{
    model::{failure::Failure, method::Method, migration::Direction, page::Page},
    ops::{
        context::Context,
        migration::{
            approve, autogenerate, baseline, create, drift, list, plan::Wanted, restamp, review,
            run, sql, stamp, version,
        },
    },
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
        check_autogenerate(&request).map_err(status)?;
        if request.autogenerate {
            return self.autogenerate(&context, request).await;
        }
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
            operation: None,
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
        let request = request.into_inner();
        let target = if request.target.is_empty() {
            "head".to_owned()
        } else {
            request.target
        };
        let wanted = Wanted {
            direction: Direction::Upgrade,
            target,
            rehearse: request.rehearse,
            acknowledged: request.acknowledge,
            validate_only: request.validate_only,
        };
        let operation = self
            .migrate(&context, &request.database, wanted, &request.request_id)
            .await?;
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
            target: request.target,
            rehearse: request.rehearse,
            acknowledged: Vec::new(),
            validate_only: request.validate_only,
        };
        let operation = self
            .migrate(&context, &request.database, wanted, &request.request_id)
            .await?;
        Ok(Response::new(proto::DowngradeResponse {
            operation: Some(operation),
        }))
    }

    async fn review_revision(
        &self,
        request: Request<proto::ReviewRevisionRequest>,
    ) -> Result<Response<proto::ReviewRevisionResponse>, Status> {
        let context = context(Method::ReviewRevision, &request)?;
        let request = request.into_inner();
        let operation = review::review(
            &self.daemon,
            &context,
            &request.database,
            &request.revision,
            request.skip_rehearsal,
            &request.request_id,
        )
        .await
        .map_err(status)?;
        Ok(Response::new(proto::ReviewRevisionResponse {
            operation: Some(operation.into()),
        }))
    }

    async fn approve_revision(
        &self,
        request: Request<proto::ApproveRevisionRequest>,
    ) -> Result<Response<proto::ApproveRevisionResponse>, Status> {
        let context = context(Method::ApproveRevision, &request)?;
        let request = request.into_inner();
        let info = approve::approve(
            &self.daemon,
            &context,
            &request.database,
            &request.revision,
            &request.sha256,
            &request.comment,
        )
        .await
        .map_err(status)?;
        Ok(Response::new(proto::ApproveRevisionResponse {
            revision: Some(info.into()),
        }))
    }

    async fn merge(
        &self,
        request: Request<proto::MergeRequest>,
    ) -> Result<Response<proto::MergeResponse>, Status> {
        let context = context(Method::Merge, &request)?;
        let request = request.into_inner();
        let new = create::NewRevision {
            message: request.message,
            parents: request.revisions,
            branch_label: request.branch_label,
            ..create::NewRevision::default()
        };
        let database = &request.database;
        let info = create::merge(&self.daemon, &context, database, new, &request.request_id)
            .await
            .map_err(status)?;
        Ok(Response::new(proto::MergeResponse {
            revision: Some(info.into()),
        }))
    }

    async fn stamp(
        &self,
        request: Request<proto::StampRequest>,
    ) -> Result<Response<proto::StampResponse>, Status> {
        let context = context(Method::Stamp, &request)?;
        let request = request.into_inner();
        let wanted = stamp::Wanted {
            targets: request.targets,
            purge: request.purge,
            force: request.force,
            reason: request.reason,
        };
        let database = &request.database;
        let operation = stamp::stamp(
            &self.daemon,
            &context,
            database,
            wanted,
            &request.request_id,
        )
        .await
        .map_err(status)?;
        Ok(Response::new(proto::StampResponse {
            operation: Some(operation.into()),
        }))
    }

    async fn restamp(
        &self,
        request: Request<proto::RestampRequest>,
    ) -> Result<Response<proto::RestampResponse>, Status> {
        let context = context(Method::Restamp, &request)?;
        let request = request.into_inner();
        let info = restamp::restamp(
            &self.daemon,
            &context,
            &request.database,
            &request.revision,
            &request.reason,
        )
        .await
        .map_err(status)?;
        Ok(Response::new(proto::RestampResponse {
            revision: Some(info.into()),
        }))
    }

    async fn create_baseline(
        &self,
        request: Request<proto::CreateBaselineRequest>,
    ) -> Result<Response<proto::CreateBaselineResponse>, Status> {
        let context = context(Method::CreateBaseline, &request)?;
        let request = request.into_inner();
        let operation = baseline::create(
            &self.daemon,
            &context,
            &request.database,
            &request.message,
            &request.request_id,
        )
        .await
        .map_err(status)?;
        Ok(Response::new(proto::CreateBaselineResponse {
            operation: Some(operation.into()),
        }))
    }

    async fn check_drift(
        &self,
        request: Request<proto::CheckDriftRequest>,
    ) -> Result<Response<proto::CheckDriftResponse>, Status> {
        let context = context(Method::CheckDrift, &request)?;
        let request = request.into_inner();
        let operation = drift::check(
            &self.daemon,
            &context,
            &request.database,
            request.models,
            &request.request_id,
        )
        .await
        .map_err(status)?;
        Ok(Response::new(proto::CheckDriftResponse {
            operation: Some(operation.into()),
        }))
    }

    async fn get_migration_sql(
        &self,
        request: Request<proto::GetMigrationSqlRequest>,
    ) -> Result<Response<proto::GetMigrationSqlResponse>, Status> {
        let context = context(Method::GetMigrationSql, &request)?;
        let request = request.into_inner();
        let sql = sql::render(
            &self.daemon,
            &context,
            &request.database,
            &request.from,
            &request.to,
        )
        .await
        .map_err(status)?;
        Ok(Response::new(proto::GetMigrationSqlResponse { sql }))
    }
}

/// Refuses SQL beside autogenerate, which writes it, and what is said to autogenerate without it.
fn check_autogenerate(request: &proto::CreateRevisionRequest) -> Result<(), Failure> {
    let by_hand = [
        ("upgrade_sql", !request.upgrade_sql.is_empty()),
        ("downgrade_sql", !request.downgrade_sql.is_empty()),
        ("non_transactional", request.non_transactional),
    ];
    let for_it = [
        ("renames", !request.renames.is_empty()),
        ("drops", !request.drops.is_empty()),
        ("plain", request.plain),
    ];
    let (refused, why) = if request.autogenerate {
        (by_hand, "is for a revision by hand; autogenerate writes it")
    } else {
        (
            for_it,
            "says something to autogenerate, which is not asked for",
        )
    };
    match refused.iter().find(|(_, given)| *given) {
        Some((field, _)) => Err(Failure::invalid_field(field, why)),
        None => Ok(()),
    }
}

impl Services {
    async fn autogenerate(
        &self,
        context: &Context,
        request: proto::CreateRevisionRequest,
    ) -> Result<Response<proto::CreateRevisionResponse>, Status> {
        let wanted = autogenerate::Wanted {
            message: request.message,
            parents: request.parents,
            branch_label: request.branch_label,
            renames: request.renames,
            drops: request.drops,
            plain: request.plain,
        };
        let (database, request_id) = (&request.database, &request.request_id);
        let operation = autogenerate::start(&self.daemon, context, database, wanted, request_id)
            .await
            .map_err(status)?;
        Ok(Response::new(proto::CreateRevisionResponse {
            revision: None,
            operation: Some(operation.into()),
        }))
    }

    /// What Upgrade and Downgrade have in common. A plan that runs nothing is answered at once.
    async fn migrate(
        &self,
        context: &Context,
        database: &str,
        wanted: Wanted,
        request_id: &str,
    ) -> Result<proto::Operation, Status> {
        if wanted.validate_only && !wanted.rehearse {
            let plan = run::dry_run(&self.daemon, context, database, &wanted)
                .await
                .map_err(status)?;
            let database = plan.database.clone();
            let outcome = Outcome::Migration(plan.into());
            return Ok(validated(context.method.name(), &database, outcome));
        }
        run::migrate(&self.daemon, context, database, wanted, request_id)
            .await
            .map(Into::into)
            .map_err(status)
    }
}
