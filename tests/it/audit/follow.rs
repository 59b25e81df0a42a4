//! The log followed, listed by filters, and carried away.

use std::fs;

use pgsteward::{
    model::method::Method,
    proto::{
        AuditOutcome, ListAuditEntriesRequest, OptimizeRequest, WatchAuditRequest,
        WatchAuditResponse,
    },
};
use tonic::{Code, Streaming};

use super::{
    chain::{leave_two_records, verify},
    list,
};
use crate::{
    cli::{cli, ends_with, succeeds},
    support::{self, Client, wait::until},
};

async fn watch(client: &Client, after: Option<i64>) -> Streaming<WatchAuditResponse> {
    let request = WatchAuditRequest {
        after,
        ..WatchAuditRequest::default()
    };
    client
        .audit()
        .watch_audit(request)
        .await
        .unwrap()
        .into_inner()
}

async fn next(steps: &mut Streaming<WatchAuditResponse>) -> (String, AuditOutcome, i64) {
    let step = steps.message().await.unwrap().unwrap();
    let entry = step.entry.unwrap();
    let method = entry.method.rsplit('/').next().unwrap().to_owned();
    (method, entry.outcome(), step.position)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_sees_what_any_daemon_records_as_it_begins_and_as_it_ends() {
    let site = support::Site::new().await;
    let (one, other) = (site.start().await, site.start().await);
    leave_two_records(one.client()).await;
    let mut steps = watch(one.client(), None).await;
    let request = OptimizeRequest::default();
    let started = other
        .client()
        .maintenance()
        .optimize(request)
        .await
        .unwrap();
    other.client().outcome(started.into_inner().operation).await;

    let (method, outcome, begun) = next(&mut steps).await;
    assert_eq!(
        (method.as_str(), outcome),
        ("Optimize", AuditOutcome::Started)
    );
    let (method, outcome, ended) = next(&mut steps).await;
    assert_eq!(
        (method.as_str(), outcome),
        ("Optimize", AuditOutcome::Succeeded)
    );
    assert!(ended > begun);

    let mut from_start = watch(other.client(), Some(0)).await;
    let (first, ..) = next(&mut from_start).await;
    assert_eq!(first, "EnterMaintenance");
    let mut again = watch(other.client(), Some(begun)).await;
    assert_eq!(next(&mut again).await.2, ended);
    one.stop().await;
    assert_eq!(steps.message().await.unwrap_err().code(), Code::Unavailable);
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_found_by_method_outcome_and_time() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    leave_two_records(client).await;
    client
        .revision("CREATE TABLE t (n int)", "DROP TABLE t")
        .await;
    let found = async |request: ListAuditEntriesRequest| {
        let entries = list(client, request).await.unwrap().0;
        let names = entries.into_iter().map(|entry| entry.method);
        names
            .map(|name| name.rsplit('/').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let all = ListAuditEntriesRequest::default();
    until("both calls have ended", async || {
        let request = ListAuditEntriesRequest {
            outcome: AuditOutcome::Started.into(),
            ..all.clone()
        };
        found(request).await.is_empty().then_some(())
    })
    .await;
    for method in ["CreateRevision", Method::CreateRevision.full_name()] {
        let request = ListAuditEntriesRequest {
            method: method.to_owned(),
            ..all.clone()
        };
        assert_eq!(found(request).await, ["CreateRevision"]);
    }
    let request = ListAuditEntriesRequest {
        outcome: AuditOutcome::Failed.into(),
        ..all.clone()
    };
    assert_eq!(found(request).await, ["EnterMaintenance"]);
    let time = list(client, all.clone()).await.unwrap().0[0].time;
    let since = ListAuditEntriesRequest {
        since: time,
        ..all.clone()
    };
    assert_eq!(found(since).await, ["CreateRevision"]);
    let until = ListAuditEntriesRequest { until: time, ..all };
    assert_eq!(found(until).await, ["EnterMaintenance"]);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exported_file_is_verified_without_a_daemon_and_an_edited_one_is_not() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    for _ in 0..3 {
        leave_two_records(client).await;
    }
    let since = list(client, ListAuditEntriesRequest::default())
        .await
        .unwrap()
        .0[1]
        .time
        .unwrap();
    let file = site.path("audit.jsonl");
    let check = format!("audit verify --file {}", file.display());
    let part = succeeds(&daemon, &format!("audit export --since {since}"));
    let whole = succeeds(&daemon, "audit export");
    let head = verify(client, None).await.head.unwrap();
    let verified = succeeds(
        &daemon,
        &format!("audit verify --expected {}:{}", head.number, head.hash),
    );
    assert!(verified.starts_with("the log is whole: "), "{verified}");
    ends_with(
        4,
        &cli(
            &daemon,
            &format!("audit verify --expected {}:{}", head.number, "0".repeat(64)),
        ),
    );
    let watched = cli(
        &daemon,
        "audit list --outcome failed --method EnterMaintenance --limit 2",
    );
    assert_eq!(String::from_utf8_lossy(&watched.stdout).lines().count(), 4);
    daemon.kill9();

    let daemon = site.start().await;
    for text in [&part, &whole] {
        fs::write(&file, text).unwrap();
        succeeds(&daemon, &check);
    }
    assert!(part.lines().count() < whole.lines().count());
    fs::write(
        &file,
        whole.replacen("EnterMaintenance", "ExitMaintenance", 1),
    )
    .unwrap();
    let answer = cli(&daemon, &check);
    ends_with(4, &answer);
    let said = String::from_utf8_lossy(&answer.stdout).into_owned();
    assert!(said.contains("record 1 is not what was recorded"), "{said}");
    fs::write(&file, "no export\n").unwrap();
    let said = ends_with(1, &cli(&daemon, &check));
    assert!(said.contains("line 1 is not the first line"), "{said}");
    daemon.stop().await;
}
