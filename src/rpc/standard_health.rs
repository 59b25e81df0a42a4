//! grpc.health.v1: what the prober sees, under the names that probes ask for.
//!
//! `` and `liveness` say that the process is up; `readiness` and each service's full name say that it can serve;
//! `database/<name>` says that the database is reachable and not in maintenance. Liveness and readiness are two names,
//! since one would make Kubernetes kill the pod for what is wrong with a database (lessons C5).
//!
//! The messages are tonic-health's. Its own service ends a Watch of an unknown name with NOT_FOUND, where the protocol
//! says SERVICE_UNKNOWN and to stay, since the name may come
//! (<https://github.com/grpc/grpc/blob/master/doc/health-checking.md>).

use std::{collections::BTreeMap, pin::Pin, sync::Arc};

use futures_util::{Stream, StreamExt as _};
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
    health_server::Health,
};

use super::status::status;
use crate::{
    model::{failure::Failure, health::DatabaseState, method::Method},
    ops::{Daemon, health::prober::Seen},
};

/// The longest name that is looked for, in bytes. Every name that there can be is shorter; a watch keeps its own for as
/// long as it lasts.
const LONGEST_NAME: usize = 256;

/// Each name, and whether it serves.
type States = Arc<BTreeMap<String, bool>>;

/// The service: answers from what [`keep_true`] last wrote, and asks nobody.
pub(super) struct StandardHealth {
    states: watch::Receiver<States>,
}

impl StandardHealth {
    /// The service as the daemon stands, and the pen that keeps it true.
    pub(super) fn new(daemon: &Daemon) -> (Self, watch::Sender<States>) {
        let now = states(
            daemon,
            &daemon.prober.seen().borrow(),
            *daemon.ready.borrow(),
        );
        let (pen, states) = watch::channel(Arc::new(now));
        (Self { states }, pen)
    }
}

#[tonic::async_trait]
impl Health for StandardHealth {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let service = &request.get_ref().service;
        refuse_long(service)?;
        match self.states.borrow().get(service) {
            Some(serves) => Ok(Response::new(answer(Some(*serves)))),
            None => Err(Status::not_found(format!(
                "there is no service {service:?}; known are `liveness`, `readiness`, `database/<name>` and the full names of services"
            ))),
        }
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let service = request.into_inner().service;
        refuse_long(&service)?;
        let looks = WatchStream::new(self.states.clone());
        let changes = looks
            .scan(None, move |told, states| {
                let state = states.get(&service).copied();
                let news = (*told != Some(state)).then_some(state);
                *told = Some(state);
                std::future::ready(Some(news))
            })
            .filter_map(|news| std::future::ready(news.map(|state| Ok(answer(state)))));
        Ok(Response::new(Box::pin(changes)))
    }
}

fn refuse_long(service: &str) -> Result<(), Status> {
    if service.len() <= LONGEST_NAME {
        return Ok(());
    }
    let description = format!("must be at most {LONGEST_NAME} bytes long");
    Err(status(Failure::invalid_field("service", description)))
}

fn answer(serves: Option<bool>) -> HealthCheckResponse {
    let status = match serves {
        Some(true) => ServingStatus::Serving,
        Some(false) => ServingStatus::NotServing,
        None => ServingStatus::ServiceUnknown,
    };
    HealthCheckResponse {
        status: status.into(),
    }
}

/// Keeps the states true until `stop`, then says NOT_SERVING for all of them; with the pen's end the watches end, which
/// would hold the shutdown up.
pub(super) async fn keep_true(
    daemon: Arc<Daemon>,
    pen: watch::Sender<States>,
    stop: CancellationToken,
) {
    let mut seen = daemon.prober.seen();
    let mut ready = daemon.ready.subscribe();
    loop {
        let can_serve = *ready.borrow_and_update();
        let now = states(&daemon, &seen.borrow_and_update(), can_serve);
        pen.send_if_modified(|told| {
            let changed = **told != now;
            if changed {
                *told = Arc::new(now);
            }
            changed
        });
        tokio::select! {
            () = stop.cancelled() => break,
            changed = seen.changed() => if changed.is_err() { break },
            changed = ready.changed() => if changed.is_err() { break },
        }
    }
    pen.send_modify(|told| {
        *told = Arc::new(told.keys().map(|name| (name.clone(), false)).collect());
    });
}

fn states(daemon: &Daemon, seen: &Seen, can_serve: bool) -> BTreeMap<String, bool> {
    let ready = can_serve && seen.control_store_is_reachable();
    let fixed = [("", true), ("liveness", true), ("readiness", ready)];
    let services = Method::ALL.iter().map(|method| {
        let service = method.full_name().split('/').next().unwrap_or_default();
        (service, ready)
    });
    let databases = daemon.databases.keys().map(|name| {
        let health = seen.databases.get(name);
        let healthy = health.is_some_and(|health| health.state == DatabaseState::Healthy);
        (format!("database/{name}"), can_serve && healthy)
    });
    fixed
        .into_iter()
        .chain(services)
        .map(|(name, state)| (name.to_owned(), state))
        .chain(databases)
        .collect()
}
