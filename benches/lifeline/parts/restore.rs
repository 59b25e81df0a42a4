//! Restores of the same rows into new databases: by psql from our own archive, by pg_restore from its own format, and by the
//! daemon with and without comparing every row.

use anyhow::Result;
use pgsteward::proto::RestoreVerification;

use super::backup::custom_file;
use crate::{
    names,
    results::{Results, Unit},
    site::Site,
};

/// The database that the tools restore into.
const TARGET: &str = "restored_by_a_tool";
/// The database that the daemon restores into.
const INTO: &str = "restored_by_the_daemon";

/// Measures two tools, and the daemon twice.
pub(crate) async fn measure(site: &Site, results: &mut Results) -> Result<()> {
    let tools = site.tools();
    let cluster = &site.databases.cluster;
    let backup = site.gzip.newest_backup().await?;
    let archive = site.gzip.archive(&backup);
    let custom = custom_file(site);
    if !custom.exists() {
        tools.dump_custom(&custom).await?;
    }
    for _ in 0..site.runs {
        cluster.recreate(TARGET).await?;
        let piped = tools.gunzip_and_psql(&archive, TARGET);
        results.time(site, names::GUNZIP_PSQL, piped).await?;

        cluster.recreate(TARGET).await?;
        let restored = tools.restore_custom(&custom, TARGET);
        results.time(site, names::PG_RESTORE, restored).await?;
        cluster.drop_database(TARGET).await?;

        for (verify, name, peak) in [
            (
                RestoreVerification::Full,
                names::RESTORE_FULL,
                names::MEMORY_RESTORE_FULL,
            ),
            (
                RestoreVerification::None,
                names::RESTORE_NONE,
                names::MEMORY_RESTORE_NONE,
            ),
        ] {
            cluster.drop_database(INTO).await?;
            let kernel = site.gzip.kernel();
            let restored = site.gzip.restore(&backup, INTO, verify);
            let result = results
                .time_daemon(site, kernel, (name, peak), restored)
                .await?;
            if verify == RestoreVerification::Full {
                add_stages(results, &result.stages);
            }
        }
        cluster.drop_database(INTO).await?;
    }
    Ok(())
}

fn add_stages(results: &mut Results, stages: &[pgsteward::proto::StageDuration]) {
    for stage in stages {
        let duration = stage.duration.unwrap_or_default();
        let seconds = duration.seconds as f64 + f64::from(duration.nanos) / 1e9;
        let name = format!("{}{}", names::STAGE_FULL, stage.stage);
        results.add(&name, Unit::Seconds, seconds);
    }
}
