//! What a file is, by its first bytes. Uploads and verification compare that with what its name says.

use memchr::memchr;

use super::{ArchiveFormat, BackupName};

/// How many first bytes are enough to tell.
pub const HEAD_BYTES: usize = 4096;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// A skippable zstd frame, which parallel compressors begin with; its first byte is 0x50 to 0x5f.
const ZSTD_SKIPPABLE: &[u8] = &[0x2a, 0x4d, 0x18];
const AGE: &[u8] = b"age-encryption.org/v1\n";
const CUSTOM: &[u8] = b"PGDMP";
const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

/// What a statement can begin with, and a dump with it.
const STATEMENTS: &[&str] = &[
    "abort",
    "alter",
    "analyze",
    "begin",
    "call",
    "cluster",
    "comment",
    "commit",
    "copy",
    "create",
    "delete",
    "do",
    "drop",
    "execute",
    "explain",
    "grant",
    "import",
    "insert",
    "load",
    "lock",
    "merge",
    "prepare",
    "reassign",
    "refresh",
    "reindex",
    "release",
    "reset",
    "revoke",
    "rollback",
    "savepoint",
    "security",
    "select",
    "set",
    "start",
    "table",
    "truncate",
    "update",
    "vacuum",
    "values",
    "with",
];

/// What the first bytes of a file look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// gzip.
    Gzip,
    /// zstd.
    Zstd,
    /// Encrypted by age; what is inside does not show.
    Age,
    /// The custom format of pg_dump.
    Custom,
    /// Text that begins as SQL does.
    Sql,
}

impl Signature {
    /// What a file of that name must look like.
    pub fn expected(name: &BackupName) -> Self {
        if name.is_encrypted() {
            return Self::Age;
        }
        match name.format() {
            ArchiveFormat::Sql => Self::Sql,
            ArchiveFormat::Gzip => Self::Gzip,
            ArchiveFormat::Zstd => Self::Zstd,
            ArchiveFormat::Custom => Self::Custom,
        }
    }

    /// What it is, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Age => "an age file",
            Self::Custom => "a dump in pg_dump's custom format",
            Self::Sql => "SQL",
        }
    }
}

/// What a file is whose first bytes are `head`: [`HEAD_BYTES`] of them, or all that it has. `None` for anything that is
/// no archive.
pub fn sniff(head: &[u8]) -> Option<Signature> {
    let magic = [
        (GZIP, Signature::Gzip),
        (ZSTD, Signature::Zstd),
        (AGE, Signature::Age),
        (CUSTOM, Signature::Custom),
    ];
    for (bytes, signature) in magic {
        if head.starts_with(bytes) {
            return Some(signature);
        }
    }
    if let Some((0x50..=0x5f, rest)) = head.split_first()
        && rest.starts_with(ZSTD_SKIPPABLE)
    {
        return Some(Signature::Zstd);
    }
    is_sql(head).then_some(Signature::Sql)
}

/// Whether text begins as a dump does: with comments, with a statement, or with a command of psql.
fn is_sql(head: &[u8]) -> bool {
    if memchr(0, head).is_some() || head.starts_with(b"-----BEGIN") {
        return false;
    }
    let mut rest = head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(head);
    let mut commented = false;
    loop {
        rest = rest.trim_ascii_start();
        if rest.starts_with(b"--") {
            rest = &rest[memchr(b'\n', rest).unwrap_or(rest.len())..];
        } else if rest.starts_with(b"/*") {
            rest = after_comment(rest);
        } else {
            break;
        }
        commented = true;
    }
    match rest.first() {
        None => commented,
        Some(b'\\') => rest.get(1).is_some_and(u8::is_ascii_alphabetic),
        Some(_) => {
            let end = rest.iter().position(|byte| !byte.is_ascii_alphabetic());
            let word = rest[..end.unwrap_or(rest.len())].to_ascii_lowercase();
            STATEMENTS.iter().any(|known| known.as_bytes() == word)
        }
    }
}

/// What follows a comment in `/* */`, which may hold others; nothing where it does not end.
fn after_comment(text: &[u8]) -> &[u8] {
    let (mut depth, mut place) = (0_usize, 0);
    while let Some(pair) = text.get(place..place + 2) {
        match pair {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {
                place += 1;
                continue;
            }
        }
        place += 2;
        if depth == 0 {
            return &text[place..];
        }
    }
    &[]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_kind_of_archive_is_known_by_its_first_bytes() {
        let gzip = [0x1f, 0x8b, 8, 0, 0];
        let zstd = [0x28, 0xb5, 0x2f, 0xfd, 4];
        let parallel_zstd = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0];
        for (head, expected) in [
            (&gzip[..], Signature::Gzip),
            (&zstd, Signature::Zstd),
            (&parallel_zstd, Signature::Zstd),
            (b"age-encryption.org/v1\n-> X25519 ", Signature::Age),
            (b"PGDMP\x01\x0e\0\x04", Signature::Custom),
        ] {
            assert_eq!(sniff(head), Some(expected));
        }
    }

    #[test]
    fn texts_that_begin_as_dumps_do_are_sql() {
        for head in [
            "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n",
            "-- only a comment",
            "/* one /* in */ another */ SET x = 1;",
            "/* that does not end here",
            "\u{feff}select 1;",
            "\r\n\t INSERT INTO t VALUES (1);",
            "COPY t FROM stdin;\n",
            "\\connect app\n",
            "\\restrict abc\nSET x = 1",
        ] {
            assert_eq!(sniff(head.as_bytes()), Some(Signature::Sql), "{head:?}");
        }
        // A dump in LATIN1.
        assert_eq!(sniff(b"SELECT 'gr\xf6\xdfe';"), Some(Signature::Sql));
    }

    #[test]
    fn what_is_no_archive_is_nothing() {
        for head in [
            &b""[..],
            b"   \n",
            b"<!DOCTYPE html>",
            b"{\"filename\": \"app.sql.gz\"}",
            b"selected words",
            b"12345",
            b"\x7fELF\x02",
            b"PK\x03\x04",
            b"SELECT\0 1",
            b"S\0E\0L\0E\0C\0T\0",
            b"-----BEGIN AGE ENCRYPTED FILE-----\nYWdl",
            b"toc.dat\0\0\0",
            b"\x1f",
            b"age-encryption.org/v2\n",
            b"\\",
            b"*/ SELECT 1",
        ] {
            assert_eq!(sniff(head), None, "{}", String::from_utf8_lossy(head));
        }
    }

    #[test]
    fn a_name_says_what_its_file_must_look_like() {
        for (name, expected) in [
            ("a.sql", Signature::Sql),
            ("a.sql.gz", Signature::Gzip),
            ("a.sql.zst", Signature::Zstd),
            ("a.dump", Signature::Custom),
            ("a.sql.gz.age", Signature::Age),
            ("a.sql.age", Signature::Age),
        ] {
            let name = BackupName::parse(name).unwrap();
            assert_eq!(Signature::expected(&name), expected);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_something_or_nothing(head in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = sniff(&head);
        }

        #[test]
        fn comments_of_any_kind_are_passed_over(text in "[-/* \n]{0,24}") {
            let _ = sniff(text.as_bytes());
        }
    }
}
