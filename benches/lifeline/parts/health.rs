//! The standard health service: how many checks the daemon answers, and how fast while a backup takes all processors.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{
    names,
    results::{Results, Unit},
    site::Site,
};

/// Calls that are open at once, all on one connection.
const STREAMS: usize = 100;
/// How long checks are counted.
const COUNTED: Duration = Duration::from_secs(5);
const COUNTED_QUICK: Duration = Duration::from_secs(1);
/// The pause between two checks whose time is taken.
const PAUSE: Duration = Duration::from_millis(1);

/// Measures checks without and with a backup beside them.
pub(crate) async fn measure(site: &Site, results: &mut Results, quick: bool) -> Result<()> {
    let counted = if quick { COUNTED_QUICK } else { COUNTED };
    let mut latencies = Vec::new();
    for _ in 0..site.runs {
        site.settle().await?;
        count(site, results, counted).await?;
        site.settle().await?;
        latencies.extend(while_backing_up(site).await?);
    }
    latencies.sort();
    for (name, percent) in [(names::HEALTH_P50, 50), (names::HEALTH_P99, 99)] {
        ensure!(!latencies.is_empty(), "no check ran beside a backup");
        let latency = latencies[(latencies.len() - 1) * percent / 100];
        results.add(name, Unit::Milliseconds, latency.as_secs_f64() * 1e3);
    }
    Ok(())
}

/// As many checks as the daemon answers. The client shares the processors with it, so what counts is how many checks it
/// answers in a second of its own processor time.
async fn count(site: &Site, results: &mut Results, counted: Duration) -> Result<()> {
    let channel = site.gzip.connect().await?;
    let kernel = site.gzip.kernel();
    kernel.forget_peak()?;
    let (start, spent_before) = (Instant::now(), kernel.processor_time()?);
    let mut streams = JoinSet::new();
    for _ in 0..STREAMS {
        let mut client = HealthClient::new(channel.clone());
        streams.spawn(async move {
            let mut checks = 0_u32;
            while start.elapsed() < counted {
                check(&mut client).await?;
                checks += 1;
            }
            anyhow::Ok(checks)
        });
    }
    let mut checks = 0.0;
    while let Some(ended) = streams.join_next().await {
        checks += f64::from(ended??);
    }
    let elapsed = start.elapsed().as_secs_f64();
    let spent = kernel.processor_time()? - spent_before;
    results.add(names::HEALTH_PER_SECOND, Unit::PerSecond, checks / elapsed);
    results.add(names::HEALTH_PER_CORE, Unit::PerSecond, checks / spent);
    results.add_peak(names::MEMORY_HEALTH, kernel.peak()?);
    Ok(())
}

/// Checks one after the other from a backup's start to its end; gives how long each took.
async fn while_backing_up(site: &Site) -> Result<Vec<Duration>> {
    let channel = site.gzip.connect().await?;
    let mut client = HealthClient::new(channel);
    let done = CancellationToken::new();
    let stop = done.clone();
    let probing = tokio::spawn(async move {
        let mut latencies = Vec::new();
        while !stop.is_cancelled() {
            let start = Instant::now();
            check(&mut client).await?;
            latencies.push(start.elapsed());
            tokio::time::sleep(PAUSE).await;
        }
        anyhow::Ok(latencies)
    });
    let made = site.gzip.back_up().await;
    done.cancel();
    let latencies = probing.await??;
    made?;
    site.gzip.remove_older_backups().await?;
    Ok(latencies)
}

async fn check(client: &mut HealthClient<Channel>) -> Result<()> {
    let request = HealthCheckRequest {
        service: "readiness".to_owned(),
    };
    let answer = client.check(request).await?.into_inner();
    ensure!(
        answer.status() == ServingStatus::Serving,
        "the daemon says that it is not ready"
    );
    Ok(())
}
