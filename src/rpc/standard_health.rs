//! grpc.health.v1: what the prober sees, under the names that probes ask for.
//!
//! `` and `liveness` say that the process is up; `readiness` and each service's full name say that it can serve;
//! `database/<name>` says that the database is reachable and not in maintenance. Liveness and readiness are two names,
//! since one would make Kubernetes kill the pod for what is wrong with a database (lessons C5).

use std::{collections::BTreeMap, sync::Arc};

use tokio_util::sync::CancellationToken;
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::{
    model::{health::DatabaseState, method::Method},
    ops::{Daemon, health::prober::Seen},
};

/// Keeps the standard service's states true until `stop`, then says NOT_SERVING for all of them and ends their watches.
pub(super) async fn report(
    daemon: Arc<Daemon>,
    mut reporter: HealthReporter,
    stop: CancellationToken,
) {
    let mut seen = daemon.prober.seen();
    let mut ready = daemon.ready.subscribe();
    let mut told = BTreeMap::new();
    loop {
        let can_serve = *ready.borrow_and_update();
        let states = states(&daemon, &seen.borrow_and_update(), can_serve);
        for (name, serving) in states {
            // Each setting is a message to every watcher, who asked for changes.
            if told.insert(name.clone(), serving) != Some(serving) {
                set(&reporter, &name, serving).await;
            }
        }
        tokio::select! {
            () = stop.cancelled() => break,
            changed = seen.changed() => if changed.is_err() { break },
            changed = ready.changed() => if changed.is_err() { break },
        }
    }
    let seen = seen.borrow().clone();
    for (name, _) in states(&daemon, &seen, false) {
        set(&reporter, &name, false).await;
        // A name that is gone ends its watches, after this last message; they would hold the shutdown up.
        reporter.clear_service_status(&name).await;
    }
}

fn states(daemon: &Daemon, seen: &Seen, can_serve: bool) -> Vec<(String, bool)> {
    let ready = can_serve && seen.control_store_reachable;
    let mut states = vec![
        (String::new(), true),
        ("liveness".to_owned(), true),
        ("readiness".to_owned(), ready),
    ];
    for method in Method::ALL {
        let service = method.full_name().split('/').next().unwrap_or_default();
        let state = (service.to_owned(), ready);
        if !states.contains(&state) {
            states.push(state);
        }
    }
    for name in daemon.databases.keys() {
        let healthy = seen
            .databases
            .get(name)
            .is_some_and(|health| health.state == DatabaseState::Healthy);
        states.push((format!("database/{name}"), can_serve && healthy));
    }
    states
}

async fn set(reporter: &HealthReporter, name: &str, serving: bool) {
    let status = if serving {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    };
    reporter.set_service_status(name, status).await;
}
