//! Downloads over loopback without TLS: by a client that only counts, which shows what the daemon can give, and by the
//! command line's, which checks digests and writes a file.

use std::{fs, time::Instant};

use anyhow::{Context as _, Result, ensure};
use pgsteward::proto::{
    Backup, DownloadBackupRequest, backup_service_client::BackupServiceClient,
    download_backup_response::Part,
};
use tokio::process::Command;
use tonic::transport::Channel;

use super::backup::megabytes;
use crate::{
    names,
    results::{Results, Unit},
    site::Site,
    support::daemon::BINARY,
    tools,
};

/// A measurement downloads at least so many bytes, in one download after the other.
const LEAST_BYTES: i64 = 1_000_000_000;
const LEAST_BYTES_QUICK: i64 = 100_000_000;

/// Measures both clients.
pub(crate) async fn measure(site: &Site, results: &mut Results, quick: bool) -> Result<()> {
    let backup = site.gzip.newest_backup().await?;
    let least = if quick {
        LEAST_BYTES_QUICK
    } else {
        LEAST_BYTES
    };
    let times = (least / backup.size_bytes.max(1)).max(1);
    let kernel = site.gzip.kernel();
    let channel = site.gzip.connect().await?;
    for _ in 0..site.runs {
        site.settle().await?;
        kernel.forget_peak()?;
        let start = Instant::now();
        for _ in 0..times {
            count(channel.clone(), &backup).await?;
        }
        let gigabytes = times as f64 * backup.size_bytes as f64 / 1e9;
        let speed = gigabytes / start.elapsed().as_secs_f64();
        results.add(names::DOWNLOAD, Unit::GigabytesPerSecond, speed);
        results.add_peak(names::MEMORY_DOWNLOAD, kernel.peak()?);

        site.settle().await?;
        let file = site.path("downloaded.sql.gz");
        let mut command = Command::new(BINARY);
        command
            .args(["backup", "download", &backup.filename, "--json"])
            .args(["--addr", &site.gzip.address, "--timeout", "1h", "--output"])
            .arg(&file)
            .stdout(std::process::Stdio::null());
        let start = Instant::now();
        tools::run(&mut command).await?;
        let speed = megabytes(&file)? / 1e3 / start.elapsed().as_secs_f64();
        results.add(names::DOWNLOAD_CLI, Unit::GigabytesPerSecond, speed);
        fs::remove_file(&file)?;
    }
    Ok(())
}

/// Downloads an archive and throws it away; it must come whole.
async fn count(channel: Channel, backup: &Backup) -> Result<()> {
    let request = DownloadBackupRequest {
        filename: backup.filename.clone(),
        ..DownloadBackupRequest::default()
    };
    let mut client = BackupServiceClient::new(channel);
    let mut stream = client.download_backup(request).await?.into_inner();
    let mut received = 0;
    let mut trailer = None;
    while let Some(message) = stream.message().await? {
        match message.part {
            Some(Part::Chunk(chunk)) => received += i64::try_from(chunk.len())?,
            Some(Part::Trailer(last)) => trailer = Some(last),
            Some(Part::Header(_)) | None => {}
        }
    }
    let trailer = trailer.context("the download has no trailer")?;
    ensure!(
        received == backup.size_bytes && trailer.sha256 == backup.sha256,
        "the download is not the archive: {received} bytes, {trailer:?}"
    );
    Ok(())
}
