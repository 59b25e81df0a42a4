//! That what was written is read once, also after the death of its writer, and no more than the limit.
#![allow(clippy::unwrap_used)]

use std::io::Write as _;

use chrono::Utc;
use serde_json::json;

use super::*;
use crate::model::audit::spooled::SpooledKind;

fn call(method: &str) -> SpooledCall {
    SpooledCall {
        source: Uuid::now_v7(),
        kind: SpooledKind::Read,
        happened_at: Utc::now(),
        principal: "someone".to_owned(),
        peer: String::new(),
        method: method.to_owned(),
        database: String::new(),
        request: json!({"a": "\n"}),
        outcome: "SUCCEEDED".to_owned(),
        reason: String::new(),
        duration: 5,
        calls: 1,
    }
}

fn methods(spool: &Spool, segments: &[Segment]) -> Vec<String> {
    let calls = segments.iter().flat_map(|s| spool.read(s).unwrap());
    calls.map(|call| call.method).collect()
}

#[test]
fn what_was_written_is_read_once_it_is_sealed_and_in_its_order() {
    let root = tempfile::tempdir().unwrap();
    let spool = Spool::open(root.path(), Uuid::now_v7(), 1 << 20).unwrap();
    spool.write(Lane::Calls, &call("a")).unwrap();
    assert!(spool.segments().unwrap().is_empty());
    spool.seal(Lane::Calls).unwrap();
    spool.write(Lane::Calls, &call("b")).unwrap();
    spool.write(Lane::Polls, &call("c")).unwrap();
    spool.sync().unwrap();
    spool.seal(Lane::Calls).unwrap();
    let segments = spool.segments().unwrap();
    assert_eq!(methods(&spool, &segments), ["a", "b"]);
    for segment in &segments {
        spool.remove(segment).unwrap();
    }
    spool.seal(Lane::Polls).unwrap();
    let segments = spool.segments().unwrap();
    assert_eq!(methods(&spool, &segments), ["c"]);
    assert_eq!(segments[0].lane, Lane::Polls);
}

#[test]
fn a_full_spool_takes_no_more_until_something_is_moved() {
    let root = tempfile::tempdir().unwrap();
    let spool = Spool::open(root.path(), Uuid::now_v7(), 1000).unwrap();
    let mut count = 0;
    let error = loop {
        match spool.write(Lane::Calls, &call("a")) {
            Ok(()) => count += 1,
            Err(error) => break error,
        }
    };
    assert!((1..10).contains(&count), "{count}");
    assert_eq!(error.reason(), "AUDIT_SPOOL_FULL");
    spool.seal(Lane::Calls).unwrap();
    spool.remove(&spool.segments().unwrap()[0]).unwrap();
    spool.write(Lane::Calls, &call("a")).unwrap();
}

#[test]
fn what_a_dead_process_left_is_found_but_not_what_a_live_one_has() {
    let root = tempfile::tempdir().unwrap();
    let [one, other] = [Uuid::now_v7(), Uuid::now_v7()];
    let dead = Spool::open(root.path(), one, 1 << 20).unwrap();
    dead.write(Lane::Calls, &call("a")).unwrap();
    let path = dead.directory.join("calls-000000001.jsonl");
    let mut file = File::options().append(true).open(path).unwrap();
    file.write_all(b"{\"half\": a li").unwrap();
    let spool = Spool::open(root.path(), other, 1 << 20).unwrap();
    assert!(spool.abandoned().unwrap().is_empty());
    drop(dead);

    let found = spool.abandoned().unwrap();

    let segments = found[0].segments().unwrap();
    assert_eq!(methods(&spool, &segments), ["a"]);
    assert_eq!(segments[0].daemon, one);
    // Nobody else takes it meanwhile.
    assert!(spool.abandoned().unwrap().is_empty());
    spool.remove(&segments[0]).unwrap();
    found.into_iter().next().unwrap().remove().unwrap();
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
}
