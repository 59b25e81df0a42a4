//! Uploads through the wire: messages out of order, doubled, missing, and headers that say what is not so.

use std::time::Duration;

use futures_util::stream;
use pgsteward::proto::{
    ListBackupsRequest, UploadBackupRequest, UploadHeader, upload_backup_request::Part,
};
use proptest::prelude::*;
use tonic::Code;

use super::samples;
use crate::support::{self, wait::until};

const CONTENT: &[u8] = b"-- a dump\nCREATE TABLE t (n int);\n";

fn headers() -> impl Strategy<Value = UploadHeader> {
    let filename = prop::sample::select(vec![
        "fine.sql",
        "",
        ".",
        "..",
        "../x.sql",
        "a/b.sql",
        "/etc/x.sql",
        "x",
        "x.sql.partial",
        "x.sql.json",
        "app_20261122T020304Z.sql.gz",
        "x.sql.gz.age",
        "x.dump",
        ".x.sql",
        "é.sql",
        "x\n.sql",
        "con.sql.zst",
    ]);
    let size = prop::sample::select(vec![
        0,
        1,
        i64::try_from(CONTENT.len()).unwrap(),
        -1,
        i64::MIN,
        i64::MAX,
        1 << 50,
    ]);
    let digest = prop::sample::select(vec!["", "00", "zz", "é"])
        .prop_map(str::to_owned)
        .boxed()
        .prop_union("[0-9a-fA-F]{64}".boxed());
    let database = prop::sample::select(vec!["", "app", "none", "a b"]);
    (filename, size, digest, database).prop_map(|(filename, size_bytes, sha256, database)| {
        UploadHeader {
            filename: filename.to_owned(),
            database: database.to_owned(),
            sha256,
            size_bytes,
        }
    })
}

fn messages() -> impl Strategy<Value = Vec<UploadBackupRequest>> {
    let part = prop_oneof![
        2 => headers().prop_map(|header| Some(Part::Header(header))),
        3 => prop::sample::select(vec![CONTENT, b"", b"\x1f\x8b\x08", b"PGDMP", b"\0", b"age-encryption.org/v1\n"])
            .prop_map(|bytes| Some(Part::Chunk(bytes.to_vec()))),
        1 => Just(None),
    ];
    let rest = prop::collection::vec(part, 0..4);
    // Most begin as they should, or only the first check would be tried.
    (prop::option::weighted(0.8, headers()), rest).prop_map(|(header, rest)| {
        let first = header.map(|header| Some(Part::Header(header)));
        let parts = first.into_iter().chain(rest);
        parts.map(|part| UploadBackupRequest { part }).collect()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_not_whole_or_not_sound_is_refused_and_leaves_nothing() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let mut kept = 0;
    for messages in samples(&messages(), 60) {
        let about = format!("{messages:?}");
        let mut call = client.backup();
        let sent = call.upload_backup(stream::iter(messages));
        let answer = tokio::time::timeout(Duration::from_secs(20), sent).await;
        match answer.unwrap_or_else(|_| panic!("no answer to {about}")) {
            Ok(_) => kept += 1,
            Err(status) => {
                let expected = matches!(
                    status.code(),
                    Code::InvalidArgument
                        | Code::FailedPrecondition
                        | Code::NotFound
                        | Code::AlreadyExists
                        | Code::DataLoss
                        | Code::ResourceExhausted
                        | Code::OutOfRange
                );
                assert!(
                    expected && !status.message().is_empty(),
                    "{about}: {status:?}"
                );
            }
        }
    }
    let request = ListBackupsRequest::default();
    let listed = client
        .backup()
        .list_backups(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (listed.backups.len(), listed.unreadable_manifests.len()),
        (kept, 0)
    );
    until(
        "an archive and a manifest for each that was kept, and nothing else",
        async || (site.stored_files().len() == 2 * kept).then_some(()),
    )
    .await;
    daemon.stop().await;
}
