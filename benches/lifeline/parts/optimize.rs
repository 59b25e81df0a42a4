//! Optimize and vacuumdb, each time with the same dead rows to remove.

use anyhow::Result;

use crate::{data, names, results::Results, site::Site};

/// Measures both.
pub(crate) async fn measure(site: &Site, results: &mut Results) -> Result<()> {
    let tools = site.tools();
    // The first time the tables grow; only after that is each time like the one before.
    data::age(&site.databases).await?;
    data::clean(&site.databases).await?;
    for _ in 0..site.runs {
        data::age(&site.databases).await?;
        results.time(site, names::VACUUMDB, tools.vacuum()).await?;

        data::age(&site.databases).await?;
        let both = (names::OPTIMIZE, names::MEMORY_OPTIMIZE);
        let optimized = site.gzip.optimize();
        results
            .time_daemon(site, site.gzip.kernel(), both, optimized)
            .await?;
    }
    Ok(())
}
