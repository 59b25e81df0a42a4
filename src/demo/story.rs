//! The story: migrate, seed, back up, download and check, damage, restore, prove, optimize, check.

use std::path::Path;

use async_compression::tokio::bufread::GzipDecoder;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};

use super::{
    application::Application,
    calls::{Calls, broken, refused},
    scratch::Scratch,
};
use crate::{
    app::Started,
    model::{failure::Failure, method::Method},
    proto::{
        self, backup_service_client::BackupServiceClient, download_backup_response::Part,
        operation::Outcome,
    },
    storage::hexadecimal,
};

/// Tells it. Anything that is not as it should be ends it with a failure.
pub(super) async fn tell(started: &Started, scratch: &Scratch) -> Result<(), Failure> {
    let calls = Calls::connect(started.address).await?;
    let url = started
        .application_url()
        .ok_or_else(|| broken("there is no embedded server"))?;
    let application = Application::new(url)?;

    migrate(&calls).await?;
    calls.step("The application fills its tables (plain SQL, as a role with DML only).");
    application.seed().await?;
    let before = application.rows().await?;
    println!("   {before:?}");

    let backup = back_up(&calls).await?;
    download(&calls, &backup, scratch.path()).await?;

    calls.step("Someone runs the wrong statements.");
    application.damage().await?;
    println!("   {:?}", application.rows().await?);

    restore(&calls, &application, &backup).await?;

    calls.step("The proof: the rows are back.");
    let after = application.rows().await?;
    println!("   {after:?}");
    if after != before {
        return Err(broken("the rows differ from those before the damage"));
    }
    optimize(&calls).await?;
    look(&calls).await
}

async fn migrate(calls: &Calls) -> Result<(), Failure> {
    calls.step("The schema: three revisions of examples/shop, up to the head.");
    let request = proto::UpgradeRequest {
        target: "head".to_owned(),
        ..proto::UpgradeRequest::default()
    };
    let answer: proto::UpgradeResponse = calls.call(Method::Upgrade, request).await?;
    let Outcome::Migration(result) = calls.result(answer.operation).await? else {
        return Err(broken("an upgrade gave no migration"));
    };
    for step in &result.steps {
        println!("   upgraded to {} ({})", step.revision, step.message);
    }
    let request = proto::GetSchemaVersionRequest::default();
    let answer: proto::GetSchemaVersionResponse =
        calls.call(Method::GetSchemaVersion, request).await?;
    let version = answer.schema_version.unwrap_or_default();
    println!(
        "   database heads {:?}, in sync: {}",
        version.database_heads, version.in_sync
    );
    if version.in_sync {
        return Ok(());
    }
    Err(broken("the schema is not at the head"))
}

async fn back_up(calls: &Calls) -> Result<proto::Backup, Failure> {
    calls.step("A backup: dumped at one snapshot, read back, then committed.");
    let request = proto::CreateBackupRequest::default();
    let answer: proto::CreateBackupResponse = calls.call(Method::CreateBackup, request).await?;
    let Outcome::Backup(backup) = calls.result(answer.operation).await? else {
        return Err(broken("a backup gave no backup"));
    };
    println!(
        "   {}: {} bytes, {} rows in {} tables",
        backup.filename, backup.size_bytes, backup.row_count, backup.table_count
    );
    let request = proto::ListBackupsRequest::default();
    let answer: proto::ListBackupsResponse = calls.call(Method::ListBackups, request).await?;
    println!("   {} in the store", answer.backups.len());
    Ok(backup)
}

async fn download(calls: &Calls, backup: &proto::Backup, directory: &Path) -> Result<(), Failure> {
    calls.step("The backup is streamed away and checked: its digest, and gunzip to the end.");
    let request = proto::DownloadBackupRequest {
        filename: backup.filename.clone(),
        ..proto::DownloadBackupRequest::default()
    };
    calls.show(Method::DownloadBackup, &request)?;
    let path = directory.join(&backup.filename);
    let digest = receive(calls, request, &path).await?;
    if digest != backup.sha256 {
        return Err(broken("the downloaded archive has another digest"));
    }
    let unpacked = unpacked_size(&path)
        .await
        .map_err(|error| broken(&error.to_string()))?;
    if unpacked != u64::try_from(backup.uncompressed_bytes).unwrap_or_default() {
        return Err(broken("the downloaded archive has another content"));
    }
    println!("   sha256 {digest}, {unpacked} bytes of SQL");
    Ok(())
}

async fn receive(
    calls: &Calls,
    request: proto::DownloadBackupRequest,
    path: &Path,
) -> Result<String, Failure> {
    let local =
        |error: std::io::Error| broken(&format!("cannot write {}: {error}", path.display()));
    let mut stream = BackupServiceClient::new(calls.channel())
        .download_backup(request)
        .await
        .map_err(|status| refused(&status))?
        .into_inner();
    let mut file = tokio::fs::File::create(path).await.map_err(local)?;
    let mut digest = Sha256::new();
    let mut complete = false;
    while let Some(message) = stream.message().await.map_err(|status| refused(&status))? {
        match message.part {
            Some(Part::Chunk(chunk)) => {
                digest.update(&chunk);
                file.write_all(&chunk).await.map_err(local)?;
            }
            Some(Part::Trailer(_)) => complete = true,
            Some(Part::Header(_)) | None => {}
        }
    }
    file.sync_all().await.map_err(local)?;
    if complete {
        return Ok(hexadecimal(digest));
    }
    Err(broken("the download was cut"))
}

async fn unpacked_size(path: &Path) -> std::io::Result<u64> {
    let mut decoder = GzipDecoder::new(BufReader::new(tokio::fs::File::open(path).await?));
    decoder.multiple_members(true);
    let mut buffer = vec![0; 64 * 1024];
    let mut size = 0;
    loop {
        match decoder.read(&mut buffer).await? {
            0 => return Ok(size),
            count => size += count as u64,
        }
    }
}

async fn restore(
    calls: &Calls,
    application: &Application,
    backup: &proto::Backup,
) -> Result<(), Failure> {
    calls.step("Maintenance mode: everyone but the daemon is kept out.");
    let request = proto::EnterMaintenanceRequest {
        reason: "restore after the wrong statements".to_owned(),
        ..proto::EnterMaintenanceRequest::default()
    };
    let answer: proto::EnterMaintenanceResponse =
        calls.call(Method::EnterMaintenance, request).await?;
    calls.result(answer.operation).await?;
    let told = application.refused().await;
    println!(
        "   the application is told: {}",
        told.as_deref().unwrap_or("come in")
    );
    if told.is_none() {
        return Err(broken("the application came in during maintenance mode"));
    }

    calls.step(
        "The restore: a last backup, a new database beside the live one, compared, then swapped.",
    );
    let request = proto::PlanRestoreRequest {
        filename: backup.filename.clone(),
        ..proto::PlanRestoreRequest::default()
    };
    let answer: proto::PlanRestoreResponse = calls.call(Method::PlanRestore, request).await?;
    let plan = answer.plan.unwrap_or_default();
    println!("   {} checks, ready: {}", plan.checks.len(), plan.ready);
    let request = proto::RestoreRequest {
        filename: backup.filename.clone(),
        confirm_database: "app".to_owned(),
        reason: "the wrong statements".to_owned(),
        ..proto::RestoreRequest::default()
    };
    let answer: proto::RestoreResponse = calls.call(Method::Restore, request).await?;
    let Outcome::Restore(result) = calls.result(answer.operation).await? else {
        return Err(broken("a restore gave no restore"));
    };
    println!(
        "   {} rows in {} tables compared; the state before is in {} and, for a rollback, in database {}",
        result.verified_rows,
        result.verified_tables,
        result.pre_restore_backup,
        result.replaced.unwrap_or_default().name
    );
    let request = proto::ExitMaintenanceRequest::default();
    let answer: proto::ExitMaintenanceResponse =
        calls.call(Method::ExitMaintenance, request).await?;
    calls.result(answer.operation).await?;
    Ok(())
}

async fn optimize(calls: &Calls) -> Result<(), Failure> {
    calls.step("VACUUM and ANALYZE of every table.");
    let request = proto::OptimizeRequest::default();
    let answer: proto::OptimizeResponse = calls.call(Method::Optimize, request).await?;
    let Outcome::Optimize(result) = calls.result(answer.operation).await? else {
        return Err(broken("an optimize run gave no result"));
    };
    println!(
        "   {} tables optimized, {} failed",
        result.optimized_count, result.failed_count
    );
    Ok(())
}

async fn look(calls: &Calls) -> Result<(), Failure> {
    calls.step("How it stands: health, schedule, and who did what.");
    let request = proto::CheckDatabaseRequest::default();
    let answer: proto::CheckDatabaseResponse = calls.call(Method::CheckDatabase, request).await?;
    let health = answer.health.unwrap_or_default();
    println!("   {}: {}", health.database, health.state().as_str_name());
    if health.state() != proto::DatabaseState::Healthy {
        return Err(broken("the database is not healthy in the end"));
    }
    let request = proto::ListSchedulesRequest::default();
    let answer: proto::ListSchedulesResponse = calls.call(Method::ListSchedules, request).await?;
    for schedule in answer.schedules {
        println!(
            "   {} at {:?} ({})",
            schedule.name, schedule.cron, schedule.time_zone
        );
    }
    let request = proto::ListAuditEntriesRequest::default();
    let answer: proto::ListAuditEntriesResponse =
        calls.call(Method::ListAuditEntries, request).await?;
    for entry in answer.entries {
        println!(
            "   {} {} {}",
            entry.principal,
            entry.method,
            entry.outcome().as_str_name()
        );
    }
    Ok(())
}
