//! Manifests: as bytes, and as values that no manifest of ours has, before a daemon that has them in its store.

use std::fs;

use pgsteward::{
    model::{backup::Manifest, failure::Classified as _},
    proto::{
        GetBackupRequest, ListBackupsRequest, PlanRestoreRequest, VerificationLevel,
        VerifyBackupRequest,
    },
};
use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};
use tonic::Code;

use super::{
    cases,
    mutations::{damaged, mutations},
    samples,
};
use crate::support;

const PIECES: &[&[u8]] = &[
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"null",
    b"-1",
    b"18446744073709551615",
    b"18446744073709551616",
    b"1e400",
    b"\\ud800",
    b"\\u0000",
    b"\\",
    b"\"format_version\": 3,",
    b"\"format_version\": 2,",
    b"\"filename\": \"../../x.sql.gz\",",
    b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    b"\"0000-00-00T00:00:00Z\"",
    b"\xff",
    b"true",
];

fn sample() -> Value {
    json!({
        "format_version": 2,
        "filename": "app_20261122T020304Z.sql.gz",
        "database": "app",
        "kind": "manual",
        "start_time": "2026-11-22T02:03:04Z",
        "snapshot_time": "2026-11-22T02:03:05.123456Z",
        "complete_time": "2026-11-22T02:03:09Z",
        "size_bytes": 1234,
        "uncompressed_bytes": 9876,
        "sha256": "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0",
        "server_version": "15.14",
        "tool_version": "15.14",
        "schema_version": ["3f2a9c1d4e5b"],
        "contents": {"open": {
            "tables": [{"schema": "public", "table": "t", "columns": ["n"], "rows": 42,
                        "content_hash": "xxh3:0102030405060708090a0b0c0d0e0f10"}],
            "pre_data": [0, 300], "blocks": [[0, 300, 700, 42]], "sequences": [0, 0],
            "post_data": [1000, 234], "schema_archive": "H4sI",
        }},
        "operation_id": "01936a3c-5b8e-7000-8000-000000000001",
        "daemon_version": "0.1.0",
        "verifications": [{"level": "committed", "time": "2026-11-22T02:03:11Z"}],
        "labels": {"a": "é"},
    })
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn a_damaged_manifest_is_refused_or_reads_as_what_it_prints(mutations in mutations(PIECES)) {
        let bytes = damaged(sample().to_string().as_bytes(), &mutations);
        match Manifest::parse(&bytes) {
            Ok(manifest) => {
                let printed = manifest.to_json().unwrap();
                prop_assert_eq!(Manifest::parse(&printed).unwrap(), manifest);
            }
            Err(error) => prop_assert!(error.reason().starts_with("MANIFEST_")),
        }
    }
}

/// Values of which none belongs anywhere.
fn odd_values() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!(null),
        json!(0),
        json!(-1),
        json!(1),
        json!(u64::MAX),
        json!(u64::MAX - 1),
        json!(i64::MAX),
        json!(1_u64 << 40),
        json!(0.5),
        json!(""),
        json!("\u{0}"),
        json!("../../etc/passwd"),
        json!("x\";\n\\! ls\n"),
        json!("9999-12-31T23:59:59Z"),
        json!([]),
        json!({}),
        json!([[0, u64::MAX, 1, 1]]),
        json!([[7, 0, u64::MAX, 1], [-5, 1, 1, u64::MAX]]),
        json!([u64::MAX, u64::MAX]),
        json!([5, u64::MAX]),
        json!("x".repeat(100_000)),
    ])
}

/// The paths to all values within a value.
fn paths(value: &Value, path: &str, found: &mut Vec<String>) {
    found.push(path.to_owned());
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                paths(value, &format!("{path}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (place, value) in items.iter().enumerate() {
                paths(value, &format!("{path}/{place}"), found);
            }
        }
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_value_in_a_manifest_brings_a_daemon_down() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    site.databases
        .run("CREATE TABLE t (n int); INSERT INTO t SELECT generate_series(1, 100)")
        .await;
    let filename = client.back_up().await.filename;
    let path = site.store().join(format!("{filename}.json"));
    let sound = fs::read(&path).unwrap();
    let sound: Value = serde_json::from_slice(&sound).unwrap();
    let mut places = Vec::new();
    paths(&sound, "", &mut places);
    places.retain(|place| !place.is_empty());
    for (place, odd) in samples(&(any::<Index>(), odd_values()), 40) {
        let mut manifest = sound.clone();
        let place = place.get(&places);
        *manifest.pointer_mut(place).unwrap() = odd.clone();
        fs::write(&path, manifest.to_string()).unwrap();
        let about = format!(
            "{place} = {}",
            odd.to_string().chars().take(60).collect::<String>()
        );
        let listed = client
            .backup()
            .list_backups(ListBackupsRequest::default())
            .await;
        let listed = listed.unwrap().into_inner();
        let is_told = listed.backups.len() + listed.unreadable_manifests.len() > 0;
        assert!(is_told, "{about}: not listed");
        let request = GetBackupRequest {
            filename: filename.clone(),
        };
        if let Err(status) = client.backup().get_backup(request).await {
            assert!(
                !matches!(status.code(), Code::Internal | Code::Unknown),
                "{about}: {status:?}"
            );
        }
        let request = PlanRestoreRequest {
            filename: filename.clone(),
            ..PlanRestoreRequest::default()
        };
        if let Err(status) = client.restore().plan_restore(request).await {
            assert!(
                !matches!(status.code(), Code::Internal | Code::Unknown),
                "{about}: {status:?}"
            );
        }
        let request = VerifyBackupRequest {
            filename: filename.clone(),
            level: VerificationLevel::FullRead.into(),
            ..VerifyBackupRequest::default()
        };
        if let Ok(answer) = client.backup().verify_backup(request).await {
            // Well or badly, but it ends, and not by a panic: the daemon's log is looked at when the test ends.
            client.wait(answer.into_inner().operation).await;
        }
    }
    daemon.stop().await;
}
