//! Backups: how long they take, how large they are, and how much memory the daemon needs for them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::{
    names,
    results::{Results, Unit},
    site::Site,
};

/// Measures four ways to run pg_dump and two daemons.
pub(crate) async fn measure(site: &Site, results: &mut Results) -> Result<()> {
    let tools = site.tools();
    for _ in 0..site.runs {
        let nowhere = tools.dump_to_nowhere();
        results.time(site, names::DUMP_NULL, nowhere).await?;

        let file = site.path("tool.sql.gz");
        let piped = tools.dump_and_gzip(&file);
        results.time(site, names::DUMP_GZIP, piped).await?;
        add_size(results, names::SIZE_GZIP_TOOL, &file)?;
        fs::remove_file(&file)?;

        dump_custom(site, results).await?;

        let directory = site.path("tool.dir");
        let parallel = tools.dump_directory(&directory);
        results.time(site, names::DUMP_DIRECTORY, parallel).await?;
        fs::remove_dir_all(&directory)?;

        for (daemon, name, size, peak) in [
            (
                &site.gzip,
                names::BACKUP_GZIP,
                names::SIZE_GZIP,
                names::MEMORY_BACKUP_GZIP,
            ),
            (
                &site.zstd,
                names::BACKUP_ZSTD,
                names::SIZE_ZSTD,
                names::MEMORY_BACKUP_ZSTD,
            ),
        ] {
            let kernel = daemon.kernel();
            let made = daemon.back_up();
            let backup = results
                .time_daemon(site, kernel, (name, peak), made)
                .await?;
            add_size(results, size, &daemon.archive(&backup))?;
            daemon.remove_older_backups().await?;
        }
    }
    Ok(())
}

/// `pg_dump -Fc`, whose file stays for pg_restore.
async fn dump_custom(site: &Site, results: &mut Results) -> Result<()> {
    let file = custom_file(site);
    let dumped = site.tools();
    let dumped = dumped.dump_custom(&file);
    results.time(site, names::DUMP_CUSTOM, dumped).await?;
    add_size(results, names::SIZE_CUSTOM, &file)
}

/// Where the file of `pg_dump -Fc` is.
pub(super) fn custom_file(site: &Site) -> PathBuf {
    site.path("tool.dump")
}

fn add_size(results: &mut Results, name: &str, file: &Path) -> Result<()> {
    results.add(name, Unit::Megabytes, megabytes(file)?);
    Ok(())
}

/// The size of a file in MB.
pub(super) fn megabytes(file: &Path) -> Result<f64> {
    let metadata = fs::metadata(file).with_context(|| format!("no file {}", file.display()))?;
    Ok(metadata.len() as f64 / 1e6)
}
