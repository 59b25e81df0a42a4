//! Databases of other encodings and locales, with bytes that no UTF-8 has: nothing on the way may convert them.

use super::{assert_round_trip, fill, start_with};
use crate::support::{Daemon, Site};

/// Letters of Western Europe, as names and as values; typed as UTF-8, stored as the database has them.
const WESTERN: &str = r#"
CREATE TABLE "größe" ("é" text, n serial);
INSERT INTO "größe" ("é") VALUES ('ÄÖÜ ß'), (E'\\.'), ('ÿ'), (E'tab\t ñ \n');
COMMENT ON TABLE "größe" IS 'übergroß';
CREATE FUNCTION "fünf"() RETURNS text LANGUAGE sql AS $$ SELECT 'fünf' $$;
CREATE VIEW "sicht" AS SELECT 'naïve'::text AS "wört", "fünf"();
CREATE TYPE "stärke" AS ENUM ('schwächer', 'stärker');
CREATE TABLE of_it (s "stärke" DEFAULT 'schwächer');
INSERT INTO of_it VALUES (DEFAULT);
"#;

async fn with(options: &str, sql: &str) -> (Site, Daemon) {
    let (site, daemon) = start_with(options).await;
    fill(&site, &site.databases.role("migrator"), sql);
    (site, daemon)
}

/// That the archive holds these bytes, as they lie in the database.
async fn round_trip_with_bytes(site: Site, daemon: Daemon, bytes: &[u8]) {
    let backup = assert_round_trip(&site, &daemon).await;
    let archive = super::interchange::gunzipped(&site, &backup);
    assert!(
        memchr::memmem::find(&archive, bytes).is_some(),
        "{} is not in the archive",
        bytes.escape_ascii()
    );
    daemon.stop().await;
}

#[tokio::test]
async fn a_database_in_latin1_comes_back() {
    let options = "ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'";
    let every = "CREATE TABLE bytes AS SELECT chr(n) AS c FROM generate_series(1, 255) AS n;";
    let (site, daemon) = with(options, &format!("{WESTERN}{every}")).await;
    round_trip_with_bytes(site, daemon, b"\xc4\xd6\xdc \xdf").await;
}

#[tokio::test]
async fn bytes_of_windows_1252_that_have_no_utf8_come_back() {
    let options = "ENCODING 'WIN1252' LC_COLLATE 'C' LC_CTYPE 'C'";
    // 0x81 stands for no letter, and the server takes it.
    let more = r"CREATE TABLE unassigned (t text);
        INSERT INTO unassigned VALUES ('€ „quoted“ …');
        SET client_encoding = 'WIN1252';
        INSERT INTO unassigned VALUES (E'a\x81b'), (E'\x8d\x8f\x90\x9d');";
    let (site, daemon) = with(options, &format!("{WESTERN}{more}")).await;
    round_trip_with_bytes(site, daemon, b"a\x81b\n").await;
}

#[tokio::test]
async fn a_database_in_euc_jp_comes_back() {
    let options = "ENCODING 'EUC_JP' LC_COLLATE 'C' LC_CTYPE 'C'";
    let sql = r#"CREATE TABLE "表" ("列" text PRIMARY KEY);
        INSERT INTO "表" VALUES ('日本語'), ('ｶﾅ'), (E'表\\N'), ('ソ能');
        COMMENT ON COLUMN "表"."列" IS '説明';"#;
    let (site, daemon) = with(options, sql).await;
    round_trip_with_bytes(site, daemon, b"\xc6\xfc\xcb\xdc\xb8\xec\n").await;
}

#[tokio::test]
async fn bytes_of_no_encoding_come_back_from_a_database_without_one() {
    let options = "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'";
    let sql = r"SET client_encoding = 'SQL_ASCII';
        CREATE TABLE bytes (t text);
        INSERT INTO bytes VALUES (E'\xff\xfe'), (E'\x80'), (E'\xc3'), (E'\xe9\n\\.\n\xe9'), ('ü');
        CREATE VIEW says AS SELECT 'ü'::text AS t;
        COMMENT ON TABLE bytes IS 'über alle';";
    let (site, daemon) = with(options, sql).await;
    round_trip_with_bytes(site, daemon, b"\xff\xfe\n").await;
}

#[tokio::test]
async fn names_that_are_no_utf8_refuse_a_backup() {
    let options = "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'";
    let (site, daemon) = start_with(options).await;
    // What stands in the file is no UTF-8, as it came from a client that spoke LATIN1.
    let mut sql = b"SET client_encoding = 'SQL_ASCII';
        CREATE TABLE \"gr\xf6\xdfe\" (\"l\xe4nge\" text);
        INSERT INTO \"gr\xf6\xdfe\" VALUES ('\xe9'), (NULL);"
        .to_vec();
    let named = site.databases.named("SET ROLE $migrator;\n");
    sql.splice(0..0, named.into_bytes());
    super::run_file(&site, &sql);

    let client = daemon.client();
    let error = client.failure(client.start_backup().await).await;

    // A manifest is JSON, and has no way to say such a name; a backup that leaves the table out would be none.
    assert!(error.message.contains("0xf6 0xdf 0x65"), "{error:?}");
    assert_eq!(site.stored_files(), [""; 0]);
    daemon.stop().await;
}

#[tokio::test]
async fn a_database_whose_collations_icu_provides_comes_back_with_its_locale() {
    let options = "LOCALE_PROVIDER icu ICU_LOCALE 'sv-SE' LC_COLLATE 'C' LC_CTYPE 'C'";
    let sql = "CREATE TABLE words (w text PRIMARY KEY);
        INSERT INTO words VALUES ('ö'), ('z'), ('o'), ('Å'), ('ä'), ('a');";
    let (site, daemon) = with(options, sql).await;
    assert_round_trip(&site, &daemon).await;
    let last = "SELECT w FROM words ORDER BY w DESC LIMIT 1";
    assert_eq!(site.databases.value::<String>(last).await, "ö");
    daemon.stop().await;
}
