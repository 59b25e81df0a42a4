//! Archives: members that are damaged, and bombs.

use std::{
    fs,
    io::{Read as _, Write as _},
};

use flate2::{Compression, write::GzEncoder};
use pgsteward::{
    archive::{BlockReader, Codec, Packer, decoder},
    model::backup::{ArchiveFormat, BackupName, sniff},
    proto::{OperationState, VerifyBackupRequest},
};
use proptest::prelude::*;

use super::{
    cases,
    mutations::{damaged, mutations},
};
use crate::support::{self, Daemon};

const PIECES: &[&[u8]] = &[
    b"\x1f\x8b\x08\x00",
    b"\x1f\x8b\x08\x1c\xff\xff",
    b"\x28\xb5\x2f\xfd",
    b"\x28\xb5\x2f\xfd\xe4\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"\x50\x2a\x4d\x18\xff\xff\xff\xff",
    b"\x28\xb5\x2f\xfd\x00\xf8",
    b"PGDMP\x01\x0e\x00",
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"COPY t FROM stdin;\n",
    b"\\.\n\n",
    b"\n",
];

/// More than this never comes out of a sample.
const MOST: u64 = 1 << 20;

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn damaged_members_end_in_an_error_or_in_what_was_packed(
        mutations in mutations(PIECES),
        zstd in any::<bool>(),
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..4),
    ) {
        let codec = if zstd { Codec::Zstd { level: 1 } } else { Codec::Gzip { level: 1 } };
        let mut packer = Packer::new(codec).unwrap();
        let members: Vec<Vec<u8>> = pieces.iter().map(|piece| packer.pack(piece).unwrap()).collect();
        let bytes = damaged(&members.concat(), &mutations);
        let _ = sniff(&bytes);
        for format in [codec.format(), ArchiveFormat::Gzip, ArchiveFormat::Zstd] {
            let mut plain = Vec::new();
            if let Ok(reader) = decoder(format, bytes.as_slice()) {
                let read = reader.take(MOST).read_to_end(&mut plain);
                // What is read to a good end is made of whole pieces, for each has a checksum.
                if read.is_ok() && format == codec.format() && !plain.is_empty() {
                    let mut rest = plain.as_slice();
                    while !rest.is_empty() {
                        let next = pieces.iter().filter(|piece| !piece.is_empty()).find_map(|piece| rest.strip_prefix(&**piece));
                        prop_assert!(next.is_some(), "bytes that were in no member");
                        rest = next.unwrap();
                    }
                }
            }
            prop_assert!((plain.len() as u64) < MOST);
        }
    }

    #[test]
    fn a_damaged_block_is_refused_or_gives_rows(mutations in mutations(PIECES), step in 1_usize..40) {
        let block = damaged(b"COPY t FROM stdin;\n1\n2\n3\n\\.\n\n", &mutations);
        let mut reader = BlockReader::new(Some("COPY t FROM stdin"));
        let mut rows = Vec::new();
        for chunk in block.chunks(step) {
            match reader.push(chunk) {
                Ok(more) => rows.extend(more),
                Err(_) => return Ok(()),
            }
        }
        if reader.finish().is_ok() {
            let whole = [b"COPY t FROM stdin;\n".as_slice(), &rows, b"\\.\n\n"].concat();
            prop_assert_eq!(whole, block);
        }
    }

    #[test]
    fn names_of_archives_read_as_what_they_print(text in "(app|_|\\.|/|\\.\\.|sql|gz|zst|age|dump|[0-9TZ]{1,9}|\\PC){0,8}") {
        if let Ok(name) = BackupName::parse(&text) {
            prop_assert_eq!(name.as_str(), text.as_str());
            prop_assert!(!text.contains('/') && !text.starts_with('.'));
        }
    }
}

/// The most memory that the process has had, in bytes.
fn peak_memory(daemon: &Daemon) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.process.pid())).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bomb_in_the_store_is_read_with_little_memory() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    // 512 MiB of one line, and as much of short ones, in half a MiB each.
    let filled = |name: &str, piece: &[u8]| {
        let piece = piece.repeat((1 << 20) / piece.len());
        let file = fs::File::create(site.store().join(name)).unwrap();
        let mut encoder = GzEncoder::new(file, Compression::fast());
        for _ in 0..512 {
            encoder.write_all(&piece).unwrap();
        }
        encoder.finish().unwrap();
    };
    filled("long.sql.gz", b"x");
    filled("short.sql.gz", b"(\n");
    for filename in ["long.sql.gz", "short.sql.gz"] {
        let request = VerifyBackupRequest {
            filename: filename.to_owned(),
            ..VerifyBackupRequest::default()
        };
        let answer = client.backup().verify_backup(request).await.unwrap();
        let operation = client.wait(answer.into_inner().operation).await;
        assert_ne!(
            operation.state(),
            OperationState::Cancelled,
            "{operation:?}"
        );
    }
    let peak = peak_memory(&daemon);
    assert!(peak < 200 << 20, "{} MiB", peak >> 20);
    daemon.stop().await;
}
