//! The two lines of pg_dump go, wherever the bytes are cut, and all that only looks like them stays.

#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;

use super::*;

const KEY: &str = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfGhIjKlMnOpQrStUvWxYz0";

/// What a filter feeds of pieces, without its own first line, and how the file ends for it.
fn filtered(pieces: &[&[u8]]) -> (Vec<u8>, Result<(), ForeignError>) {
    let mut filter = ForeignSql::new();
    let mut fed = Vec::new();
    let end = pieces
        .iter()
        .try_for_each(|piece| {
            let parts = filter.push(&Bytes::copy_from_slice(piece))?;
            fed.extend_from_slice(&parts.concat());
            Ok(())
        })
        .and_then(|()| filter.finish())
        .map(|rest| fed.extend_from_slice(&rest));
    if fed.is_empty() {
        return (fed, end);
    }
    let first = fed.iter().position(|&byte| byte == b'\n').unwrap();
    (fed.split_off(first + 1), end)
}

/// The text of a whole file after the filter.
fn text(file: &str) -> String {
    let (fed, end) = filtered(&[file.as_bytes()]);
    assert_eq!(end, Ok(()), "{file}");
    String::from_utf8(fed).unwrap()
}

/// A dump with pg_dump's lines around the middle.
fn dump(middle: &str) -> String {
    format!(
        "--\n-- PostgreSQL database dump\n--\n\n\\restrict {KEY}\n\n{middle}\n\\unrestrict {KEY}\n\n"
    )
}

/// Asserts that a dump's own lines go and its middle stays.
#[track_caller]
fn assert_kept(middle: &str) {
    let expected = dump(middle)
        .replacen(&format!("\\restrict {KEY}\n"), "", 1)
        .replace(&format!("\n\\unrestrict {KEY}\n\n"), "\n\n");
    assert_eq!(text(&dump(middle)), expected);
}

/// Asserts that nothing is taken out of a file.
#[track_caller]
fn assert_untouched(file: &str) {
    assert_eq!(filtered(&[file.as_bytes()]).0, file.as_bytes());
}

#[test]
fn the_first_line_restricts_psql_by_a_key_that_no_file_knows() {
    let first = |mut filter: ForeignSql| {
        let fed = filter.push(&Bytes::from_static(b"SELECT 1;\n")).unwrap();
        String::from_utf8(fed.concat()).unwrap()
    };
    let (one, other) = (first(ForeignSql::new()), first(ForeignSql::new()));
    for fed in [&one, &other] {
        let (line, rest) = fed.split_once('\n').unwrap();
        let key = line.strip_prefix("\\restrict ").unwrap();
        assert_eq!(key.len(), 32);
        assert_eq!(rest, "SELECT 1;\n");
    }
    assert_ne!(one, other);
    // It comes also where there is nothing else.
    let rest = ForeignSql::new().finish().unwrap();
    assert!(rest.starts_with(b"\\restrict "));
}

#[test]
fn the_lines_of_pg_dump_are_taken_out_and_nothing_else() {
    assert_kept("SET x = 1;\nCREATE TABLE t (n int);\n");
    let carriage_returns = dump("SELECT 1;").replace('\n', "\r\n");
    let fed = text(&carriage_returns);
    assert!(!fed.contains("restrict") && fed.contains("SELECT 1;\r\n"));
}

#[test]
fn rows_and_texts_that_look_like_the_lines_stay() {
    let line = format!("\\unrestrict {KEY}\n");
    for middle in [
        format!("COPY public.t (a, b) FROM stdin;\n{line}1\t2\n{line}\\.\n"),
        format!("COPY t FROM stdin;\n\\.x\n\\\\.\n \\.\n\\. \n{line}\\.\n"),
        format!("copy \"From\" from STDIN with (format csv);\n{line}\\.\r\n"),
        format!("COPY a FROM stdin; COPY b FROM stdin;\n{line}\\.\n{line}\\.\n"),
        format!("COPY a FROM stdin; SELECT '\n{line}\\.\n{line}';\n"),
        format!("COPY t -- FROM stdout;\n /* ; */ FROM /**/ stdin\n;\n{line}\\.\n"),
        format!("SELECT '\n{line}', \"\n{line}\";\n"),
        format!("SELECT 'it''s\n{line}';\n"),
        format!("SELECT E'\\'\n{line}', e'a''\\'\n{line}';\n"),
        format!("SELECT E'a'\n  'b\\'\n{line}';\n"),
        format!("SET standard_conforming_strings = off;\nSELECT '\\'\n{line}';\n"),
        format!("SELECT $$\n{line}$$, $a$ $ $b$ $$\n{line}$a$, $é1$\n{line}$é1$;\n"),
        format!("/* /* */ /*/\n{line}*/ */ /**\n{line}**/\n"),
    ] {
        assert_kept(&middle);
    }
}

#[test]
fn what_is_no_copy_has_no_rows() {
    for middle in [
        "COPY (SELECT * FROM stdin) TO stdout;\n",
        "COPY t TO stdout;\n",
        "COPY t FROM 'file';\n",
        "SELECT 'COPY t FROM stdin;';\n",
        "-- COPY t FROM stdin;\n",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$\nCOPY t FROM stdin;\n$$;\n",
        "SELECT copy, t FROM stdin;\n",
        "SELECT a$b$c, 1 - 2, 3 / 4, $1, '\\', x'1', U&'\\', n'\\';\n",
        "SET standard_conforming_strings = on;\nSELECT '\\';\n",
        "SELECT (1;\nCOPY t FROM stdin;\n);\n",
    ] {
        assert_kept(middle);
    }
}

#[test]
fn the_lines_are_commands_like_others_where_pg_dump_does_not_put_them() {
    let command = |file: &str| match filtered(&[file.as_bytes()]).1 {
        Err(ForeignError::Command(name)) => name,
        other => panic!("{file:?} gives {other:?}"),
    };
    for file in [
        format!("SELECT 1;\n\\restrict {KEY}\n"),
        format!("\\restrict {KEY}\n\\restrict {KEY}\n"),
        format!("\\restrict  {KEY}\n"),
        format!("\\restrict {KEY} \\! touch x\n"),
        "\\restrict\n".to_owned(),
        "\\restrict \n".to_owned(),
        format!("\\restrict '{KEY}'\n"),
        format!("\\restrict {}\n", "k".repeat(300)),
    ] {
        assert_eq!(command(&file), "restrict");
    }
    for file in [
        format!("\\unrestrict {KEY}\n\\restrict {KEY}\n"),
        format!("\\restrict {KEY}\n\\unrestrict other\n"),
        format!("\\restrict {KEY}\n\\unrestrict {KEY}\n\\unrestrict {KEY}\n"),
    ] {
        assert_eq!(command(&file), "unrestrict");
    }
    assert_eq!(command("SELECT 1;\n\\connect app\n"), "connect");
    assert_eq!(command("\\! touch x"), "!");
    assert_eq!(command(&format!("\\{}", "é".repeat(200))), "");
}

#[test]
fn what_only_looks_like_the_lines_stays() {
    for file in [
        format!(" \\restrict {KEY}\n"),
        format!("-- \\restrict {KEY}\n"),
        format!("/*\n\\restrict {KEY}\n*/\n"),
        "SELECT 1 \\; SELECT 2 \\g |cat\n".to_owned(),
        "SELECT 1\n\\; SELECT\n\\:a;\n".to_owned(),
    ] {
        assert_untouched(&file);
    }
}

#[test]
fn what_psql_would_run_all_the_same_is_refused_before_it_is_fed() {
    for (file, expected) in [
        ("SELECT 1;\n\\unrestrict `touch x`\n", ForeignError::Program),
        ("SELECT 1; \\unrestrict `touch x`\n", ForeignError::Program),
        // Where psql and our own reading differ.
        (
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; COPY t FROM stdin;\n\\unrestrict `touch x`\n",
            ForeignError::Program,
        ),
        ("SELECT '\0';\n", ForeignError::Nul),
    ] {
        assert_eq!(filtered(&[file.as_bytes()]), (Vec::new(), Err(expected)));
    }
}

#[test]
fn a_byte_order_mark_goes_and_its_parts_stay() {
    let marked = format!("\u{feff}{}", dump("SELECT 1;"));
    assert_eq!(text(&marked), text(&dump("SELECT 1;")));
    for bytes in [
        &b"\xef\xbb"[..],
        b"\xef",
        b"\xef\xbbx",
        b"\xef;",
        b"x\xef\xbb\xbf",
    ] {
        assert_eq!(filtered(&[bytes]).0, bytes);
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(filtered(&single).0, bytes);
    }
}

#[test]
fn a_file_that_was_cut_is_told_from_a_whole_one() {
    let end = |file: &str| filtered(&[file.as_bytes()]).1;
    for file in [
        "COPY t FROM stdin;",
        "COPY t FROM stdin;\n",
        "COPY t FROM stdin;\n1\n",
        "COPY t FROM stdin;\n1\n\\.",
        "SELECT 'a",
        "SELECT \"a",
        "SELECT $$a$",
        "/* a *",
    ] {
        assert!(end(file).is_err(), "{file}");
    }
    let whole = dump("COPY t FROM stdin;\n1\n\\.\nSELECT 1;\n");
    let last_line = whole.find("\\unrestrict").unwrap();
    assert!(end(&whole).is_ok());
    assert!(end(whole.trim_end()).is_ok());
    let error = end(&whole[..last_line]).unwrap_err();
    assert_eq!(error.reason(), "BACKUP_DAMAGED");
    for file in [
        "",
        "SELECT 1",
        "SELECT 'a'",
        "COPY t FROM stdin;\n1\n\\.\n",
        "-- a",
    ] {
        assert!(end(file).is_ok(), "{file}");
    }
}

/// Files that are made of all that the filter looks at.
fn file() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "\n",
        "\r\n",
        " ",
        ";",
        "'",
        "''",
        "E'",
        "\"",
        "$$",
        "$a$",
        "$",
        "--",
        "-",
        "/*",
        "*/",
        "\\",
        "\\.",
        "\\.\n",
        "(",
        ")",
        "COPY t FROM stdin;\n",
        "copy ",
        "from ",
        "STDIN",
        "\\restrict k\n",
        "\\unrestrict k\n",
        "\\restrict",
        "SET standard_conforming_strings = off;",
        "x",
        "é",
        "\u{feff}",
        "1\t2\n",
    ]);
    prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn where_the_bytes_are_cut_makes_no_difference(
        file in file(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let bytes = file.as_bytes();
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        let pieces: Vec<&[u8]> = places.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect();
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        let (fed, end) = filtered(&[bytes]);
        for pieces in [pieces, single] {
            let (other, other_end) = filtered(&pieces);
            prop_assert_eq!(&other_end, &end);
            // What was fed before an error hangs on the cuts; psql is ended anyhow.
            prop_assert!(end.is_err() || other == fed);
        }
    }

    #[test]
    fn at_most_the_two_lines_and_a_mark_are_taken_out(file in file()) {
        let (fed, end) = filtered(&[file.as_bytes()]);
        if end.is_ok() {
            let lines = ["", "\\restrict k\n", "\\restrict k\n\\unrestrict k\n"].map(str::len);
            let mark = if file.starts_with('\u{feff}') { 3 } else { 0 };
            prop_assert!(lines.contains(&(file.len() - fed.len() - mark)));
        }
    }

    #[test]
    fn rows_of_any_kind_pass_untouched(rows in prop::collection::vec("[^\n\0]{0,12}", 0..20)) {
        let mut text = String::new();
        for row in rows.iter().filter(|row| !["\\.", "\\.\r"].contains(&row.as_str())) {
            text.push_str(row);
            text.push('\n');
        }
        assert_kept(&format!("COPY t FROM stdin;\n{text}\\.\n"));
    }
}
