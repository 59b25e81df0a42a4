//! The rows that are backed up: tables as applications have them, in the sizes that make backups hard (one that is larger than
//! all others, long texts, wide rows, documents, exact numbers) and many small ones.
//!
//! Everything is computed from a row's number, so that each run has the same database.

use anyhow::Result;
use futures_util::future::try_join_all;

use crate::support::database::Databases;

/// COPY text of the whole in MB when each table has the rows that are written here.
const FULL_SIZE_MB: u64 = 992;

/// A table: its definition, its rows by `n`, how many there are at full size, and what comes after the rows.
struct Table {
    create: &'static str,
    insert: &'static str,
    rows: u64,
    finish: &'static str,
}

const TABLES: [Table; 4] = [
    Table {
        create: "CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL, account int NOT NULL,
                     kind text NOT NULL, amount numeric(12,2), payload jsonb NOT NULL)",
        insert: "INSERT INTO events (at, account, kind, amount, payload)
                 SELECT timestamptz '2026-01-01' + n * interval '7 seconds', (n::bigint * 7919) % 50021,
                     (array['login', 'purchase', 'refund', 'view', 'search'])[1 + n % 5],
                     ((n::bigint * 37) % 1000003) / 100.0,
                     jsonb_build_object(
                         'ip', '10.' || n % 251 || '.' || (n::bigint * 31) % 253 || '.' || (n::bigint * 17) % 241,
                         'agent', md5((n % 4001)::text), 'session', md5(n::text),
                         'items', jsonb_build_array(n % 97, n % 89, n % 83))",
        rows: 2_200_000,
        finish: "ALTER TABLE events ADD PRIMARY KEY (id); CREATE INDEX events_account ON events (account, at)",
    },
    Table {
        create: "CREATE TABLE documents (id int PRIMARY KEY, title text, body text, tags text[])",
        insert: "INSERT INTO documents
                 SELECT n, 'document ' || n,
                     (SELECT string_agg(md5((n::bigint * 13 + k)::text) || ' lorem ipsum dolor sit amet ', '')
                      FROM generate_series(1, 40) k),
                     array['a' || n % 10, 'b' || n % 100]",
        rows: 80_000,
        finish: "",
    },
    Table {
        create: "CREATE TABLE measures (sensor int, at timestamp, a double precision, b double precision, c real, d numeric,
                     e numeric)",
        insert: "INSERT INTO measures
                 SELECT n % 1000, timestamp '2026-01-01' + n * interval '1 second', sin(n), cos(n) * 1000, n::real / 7,
                     n::numeric / 13, (n::numeric * 7919) % 1000003",
        rows: 2_000_000,
        finish: "",
    },
    Table {
        create: "CREATE TABLE wide (id int PRIMARY KEY, c1 text, c2 text, c3 int, c4 int, c5 bigint, c6 date, c7 boolean,
                     c8 uuid, c9 text, c10 inet, c11 text, c12 numeric, c13 text, c14 int, c15 text, c16 text, c17 int,
                     c18 text, c19 date, c20 text)",
        insert: "INSERT INTO wide
                 SELECT n, md5(n::text), 'customer ' || n, n, n % 100, n::bigint * 1000003, date '2020-01-01' + n % 2000,
                     n % 2 = 0, md5(n::text)::uuid, 'street ' || n % 5000,
                     ('10.0.' || n % 255 || '.' || n % 251)::inet, repeat(chr(97 + n % 26), n % 40), n / 7.0, 'note',
                     n % 17, NULL, 'x' || n % 1000, n % 3, 'city ' || n % 300, date '2026-01-01' - n % 900,
                     md5((n % 777)::text)",
        rows: 700_000,
        finish: "",
    },
];

const SMALL_TABLES: &str = "
DO $$ BEGIN FOR i IN 1..100 LOOP
    EXECUTE format('CREATE TABLE small_%s (id int PRIMARY KEY, name text, at timestamptz)', i);
    EXECUTE format('INSERT INTO small_%s SELECT n, ''name '' || n, timestamptz ''2026-01-01'' + n * interval ''1 minute''
                    FROM generate_series(1, 500) n', i);
END LOOP; END $$";

/// A tenth of the rows of each large table as new versions: work for VACUUM, the same each time.
const AGE: &str = "
UPDATE events SET amount = amount WHERE id % 10 = 0;
UPDATE documents SET title = title WHERE id % 10 = 0;
UPDATE measures SET a = a WHERE sensor % 10 = 0;
UPDATE wide SET c14 = c14 WHERE id % 10 = 0";

/// Fills the managed database with about `megabytes` of COPY text.
pub(crate) async fn fill(databases: &Databases, megabytes: u64) -> Result<()> {
    databases.run(SMALL_TABLES).await?;
    try_join_all(TABLES.iter().map(async |table| {
        let rows = (table.rows * megabytes / FULL_SIZE_MB).max(1);
        databases.run(table.create).await?;
        let insert = format!("{} FROM generate_series(1, {rows}) n", table.insert);
        databases.run(&insert).await?;
        databases.run(table.finish).await
    }))
    .await?;
    clean(databases).await
}

/// Makes dead row versions.
pub(crate) async fn age(databases: &Databases) -> Result<()> {
    databases.run(AGE).await
}

/// Leaves nothing to do for VACUUM.
pub(crate) async fn clean(databases: &Databases) -> Result<()> {
    databases.run_as_superuser("VACUUM (ANALYZE)").await
}
