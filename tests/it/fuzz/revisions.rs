//! Revision files: header, sections, statements, and what is read in them by the review.

use std::time::{Duration, Instant};

use pgsteward::model::{
    migration::Direction,
    review,
    revision::{Graph, Script},
};
use proptest::prelude::*;

use super::{
    cases,
    mutations::{damaged, mutations},
};

const NAME: &str = "202611230200_3f2a9c1d4e5b_add_orders.sql";
const SAMPLE: &str = "\
-- revision: 3f2a9c1d4e5b
-- down_revision: 1a2b3c4d5e6f, 0f0f0f0f0f0f
-- branch_label: sales
-- depends_on: aaaabbbbcccc
-- message: add orders
-- created: 2026-11-23T02:00:00Z
-- transactional: true

-- upgrade
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY, note text DEFAULT E'it\\'s');
/* a comment /* within */ another */
CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $body$ BEGIN RETURN ';'; END $body$;
CREATE FUNCTION g() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; END;
COPY orders (note) FROM stdin;
a\\tb;
\\.
ALTER TABLE orders ADD CONSTRAINT c CHECK (id > 0) NOT VALID;

-- downgrade
DROP FUNCTION f();
DROP TABLE \"orders\";
";

const PIECES: &[&[u8]] = &[
    b"-- upgrade\n",
    b"-- downgrade\n",
    b"-- transactional: false\n",
    b"-- revision: x\n",
    b"-- created: 9999-99-99T99:99:99Z\n",
    b"\r\n",
    b"\n",
    b"'",
    b"\"",
    b"$$",
    b"$body$",
    b"/*",
    b"*/",
    b"--",
    b";",
    b"\\",
    b"\\.\n",
    b"COPY t FROM stdin;\n",
    b"BEGIN ATOMIC ",
    b"CASE ",
    b"END",
    b"(((((((((((((((((((((((((((((((((((((((((",
    b"U&'\\0041' UESCAPE '!'",
    b"E'\\x4'",
    b"\0",
    b"\xef\xbb\xbf",
    "\u{202e}é\u{1f4a9}".as_bytes(),
    b"CREATE INDEX CONCURRENTLY i ON orders (id);",
    b"COMMIT;",
    b"\\! ls\n",
];

/// Reads a text as a revision file, and all that stands in it. Whatever is refused names the file.
fn read(text: &str) {
    let script = match Script::parse(NAME, text) {
        Ok(script) => script,
        Err(error) => {
            assert!(error.to_string().contains(NAME), "{error}");
            return;
        }
    };
    let again = Script::parse(NAME, &script.render());
    let again = again.unwrap_or_else(|error| panic!("{error}: {:?}", script.render()));
    let parts = |script: &Script| {
        (
            (
                script.revision.clone(),
                script.message.clone(),
                script.created,
            ),
            (
                script.down_revisions.clone(),
                script.branch_labels.clone(),
                script.depends_on.clone(),
            ),
            (
                script.transactional,
                script.upgrade_sql.clone(),
                script.downgrade_sql.clone(),
            ),
        )
    };
    assert_eq!(parts(&again), parts(&script), "{text:?}");
    for direction in [Direction::Upgrade, Direction::Downgrade] {
        match script.statements(direction) {
            Ok(statements) => {
                for statement in &statements {
                    let _ = statement.outside();
                }
                let _ = review::lint(&script, direction, 15);
            }
            Err(error) => assert!(error.to_string().contains(NAME), "{error}"),
        }
    }
    let _ = Graph::new(vec![script]).map(|graph| graph.upgrade_plan(&[], "head"));
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn a_damaged_revision_file_is_refused_by_name_or_reads_as_what_it_prints(mutations in mutations(PIECES)) {
        let bytes = damaged(SAMPLE.as_bytes(), &mutations);
        // Files that are not UTF-8 are refused before they are read.
        read(&String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn a_revision_file_that_nests_without_end_or_repeats_without_end_is_read_in_bounded_time() {
    let start = Instant::now();
    for (piece, count) in [
        ("(", 12_500),
        ("/*", 12_500),
        ("CASE WHEN ", 6_250),
        ("BEGIN ATOMIC ", 6_250),
        ("SELECT ", 6_250),
        ("NOT ", 12_500),
        ("- ", 12_500),
        ("[", 12_500),
        ("a.", 12_500),
        ("1+", 12_500),
        ("a AND ", 6_250),
        (";", 25_000),
        ("\"", 12_501),
        ("$a$", 12_501),
        ("$a", 12_500),
        ("\n-- x: y", 12_500),
        ("SELECT 1 UNION ", 3_750),
        ("COPY t FROM stdin;\n", 2_500),
    ] {
        let sql = piece.repeat(count);
        for sql in [
            sql.clone(),
            format!("SELECT {sql}"),
            format!("DO $x$ {sql} $x$"),
        ] {
            let text = SAMPLE.replace("DROP FUNCTION f();", &sql);
            let begun = Instant::now();
            read(&text);
            let took = begun.elapsed();
            assert!(took < Duration::from_secs(5), "{piece:?} took {took:?}");
        }
    }
    let took = start.elapsed();
    assert!(took < Duration::from_secs(60), "{took:?}");
}
