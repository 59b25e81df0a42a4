//! BackupService.

mod download;
mod upload;

use std::pin::Pin;

use tokio_stream::Stream;
use tonic::{Request, Response, Status};

use super::{
    Services,
    call::{context, optional},
    convert::{
        backup::{summary, unreadable},
        operation::validated,
    },
    status::status,
};
use crate::{
    model::{
        backup::{BackupKind, VerificationLevel},
        method::Method,
        page::Page,
    },
    ops::backup::{self, download::DownloadRequest, update::Marks},
    proto::{self, backup_service_server::BackupService, operation::Outcome},
};

#[tonic::async_trait]
impl BackupService for Services {
    async fn create_backup(
        &self,
        request: Request<proto::CreateBackupRequest>,
    ) -> Result<Response<proto::CreateBackupResponse>, Status> {
        let context = context(Method::CreateBackup, &request)?;
        let request = request.into_inner();
        let marks = Marks {
            labels: request.labels.into_iter().collect(),
            remove_labels: Vec::new(),
            hold: Some(request.hold),
        };
        let operation = backup::create::create(
            &self.daemon,
            &context,
            &request.database,
            BackupKind::Manual,
            marks,
            &request.request_id,
        )
        .await
        .map_err(status)?;
        Ok(Response::new(proto::CreateBackupResponse {
            operation: Some(operation.into()),
        }))
    }

    async fn list_backups(
        &self,
        request: Request<proto::ListBackupsRequest>,
    ) -> Result<Response<proto::ListBackupsResponse>, Status> {
        let context = context(Method::ListBackups, &request)?;
        let request = request.into_inner();
        let page = Page::new(request.page_size, &request.page_token).map_err(status)?;
        let database = optional(request.database);
        let backups = backup::list::list(
            &self.daemon,
            &context,
            database.as_deref(),
            &request.store,
            &page,
        )
        .await
        .map_err(status)?;
        Ok(Response::new(proto::ListBackupsResponse {
            unreadable_manifests: unreadable(&backups),
            backups: backups.backups.into_iter().map(summary).collect(),
            next_page_token: backups.next.unwrap_or_default(),
        }))
    }

    async fn get_backup(
        &self,
        request: Request<proto::GetBackupRequest>,
    ) -> Result<Response<proto::GetBackupResponse>, Status> {
        let context = context(Method::GetBackup, &request)?;
        let backup = backup::list::get(&self.daemon, &context, &request.get_ref().filename)
            .await
            .map_err(status)?;
        Ok(Response::new(proto::GetBackupResponse {
            backup: Some(backup.into()),
        }))
    }

    type DownloadBackupStream =
        Pin<Box<dyn Stream<Item = Result<proto::DownloadBackupResponse, Status>> + Send>>;

    async fn download_backup(
        &self,
        request: Request<proto::DownloadBackupRequest>,
    ) -> Result<Response<Self::DownloadBackupStream>, Status> {
        let context = context(Method::DownloadBackup, &request)?;
        let request = request.into_inner();
        let request = DownloadRequest {
            filename: request.filename,
            offset: request.offset,
            sha256: request.sha256,
            decrypt: request.decrypt,
            compression: request.compression,
            tables: request.tables,
            store: request.store,
        };
        let download = backup::download::open(&self.daemon, &context, &request)
            .await
            .map_err(status)?;
        let stream = download::stream(download, self.stop.clone());
        Ok(Response::new(Box::pin(stream)))
    }

    async fn verify_backup(
        &self,
        request: Request<proto::VerifyBackupRequest>,
    ) -> Result<Response<proto::VerifyBackupResponse>, Status> {
        let context = context(Method::VerifyBackup, &request)?;
        let request = request.into_inner();
        let operation = backup::verify::verify(
            &self.daemon,
            &context,
            &request.filename,
            verification_level(request.level()),
            &request.store,
            &request.request_id,
        )
        .await
        .map_err(status)?;
        Ok(Response::new(proto::VerifyBackupResponse {
            operation: Some(operation.into()),
        }))
    }

    async fn delete_backup(
        &self,
        request: Request<proto::DeleteBackupRequest>,
    ) -> Result<Response<proto::DeleteBackupResponse>, Status> {
        let context = context(Method::DeleteBackup, &request)?;
        backup::delete::delete(&self.daemon, &context, &request.get_ref().filename)
            .await
            .map_err(status)?;
        Ok(Response::new(proto::DeleteBackupResponse {}))
    }

    async fn apply_retention(
        &self,
        request: Request<proto::ApplyRetentionRequest>,
    ) -> Result<Response<proto::ApplyRetentionResponse>, Status> {
        let context = context(Method::ApplyRetention, &request)?;
        let request = request.into_inner();
        let (daemon, database) = (&self.daemon, &request.database);
        let operation = if request.validate_only {
            let plan = backup::retention::plan(daemon, &context, database)
                .await
                .map_err(status)?;
            let database = plan.database.clone();
            validated(
                context.method.name(),
                &database,
                Outcome::Retention(plan.into()),
            )
        } else {
            backup::retention::apply(daemon, &context, database, &request.request_id)
                .await
                .map_err(status)?
                .into()
        };
        Ok(Response::new(proto::ApplyRetentionResponse {
            operation: Some(operation),
        }))
    }

    async fn upload_backup(
        &self,
        request: Request<tonic::Streaming<proto::UploadBackupRequest>>,
    ) -> Result<Response<proto::UploadBackupResponse>, Status> {
        let backup = upload::receive(self, request).await?;
        Ok(Response::new(proto::UploadBackupResponse {
            backup: Some(backup),
        }))
    }

    async fn update_backup(
        &self,
        request: Request<proto::UpdateBackupRequest>,
    ) -> Result<Response<proto::UpdateBackupResponse>, Status> {
        let context = context(Method::UpdateBackup, &request)?;
        let request = request.into_inner();
        let marks = Marks {
            labels: request.labels.into_iter().collect(),
            remove_labels: request.remove_labels,
            hold: request.hold,
        };
        let backup = backup::update::update(&self.daemon, &context, &request.filename, &marks)
            .await
            .map_err(status)?;
        Ok(Response::new(proto::UpdateBackupResponse {
            backup: Some(backup.into()),
        }))
    }
}

/// The level that is asked for; a full read where none is.
fn verification_level(level: proto::VerificationLevel) -> VerificationLevel {
    match level {
        proto::VerificationLevel::Committed => VerificationLevel::Committed,
        proto::VerificationLevel::Digest => VerificationLevel::Digest,
        proto::VerificationLevel::Unspecified | proto::VerificationLevel::FullRead => {
            VerificationLevel::FullRead
        }
        proto::VerificationLevel::Restored => VerificationLevel::Restored,
        proto::VerificationLevel::ContentEqual => VerificationLevel::ContentEqual,
    }
}
