//! Everything that a database is, in a form that can be compared: what a restored database must have in common with the one
//! that was backed up.
//!
//! It is read without pgsteward's help: the schema by `pg_dump`, rows by COPY, all under settings of its own, so that two
//! databases that differ in how they write a date look the same and two that differ in a date do not.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt as _;
use tokio_postgres::Client;

use crate::support::{
    Site,
    cluster::as_superuser,
    database::{run, value},
};

/// How values are written, whatever the database's own settings say.
pub(crate) const SETTINGS: [(&str, &str); 9] = [
    ("datestyle", "ISO"),
    ("intervalstyle", "postgres"),
    ("extra_float_digits", "3"),
    ("bytea_output", "hex"),
    ("timezone", "UTC"),
    ("lc_monetary", "C"),
    ("standard_conforming_strings", "on"),
    ("quote_all_identifiers", "off"),
    ("search_path", "pg_catalog"),
];

/// Each table, what to select of it, and from what: its columns by name, since a restore may change the order of those
/// that children got from parents. Of a table whose partitions are chosen by the hash of an enum that is the table as a
/// whole: the hash goes by OIDs, which are others after a restore.
const TABLES: &str = "
    WITH by_enum AS (
        SELECT partrelid FROM pg_partitioned_table
        JOIN pg_opclass AS operators ON operators.oid = ANY (partclass::oid[])
        WHERE partstrat = 'h' AND opcname = 'enum_ops')
    SELECT format('%I.%I', namespace.nspname, class.relname),
           CASE WHEN class.relkind = 'm' AND NOT class.relispopulated THEN NULL
                ELSE concat('SELECT ',
                    (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attname)
                     FROM pg_attribute WHERE attrelid = class.oid AND attnum > 0 AND NOT attisdropped),
                    ' FROM ', CASE class.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END,
                    quote_ident(namespace.nspname), '.', quote_ident(class.relname)) END
    FROM pg_class AS class JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
    WHERE namespace.nspname NOT LIKE 'pg\\_%' AND namespace.nspname <> 'information_schema'
      AND (class.relkind IN ('r', 'm') OR class.oid IN (SELECT partrelid FROM by_enum))
      AND NOT EXISTS (
          SELECT FROM pg_partition_ancestors(class.oid) AS ancestor JOIN by_enum ON by_enum.partrelid = ancestor.relid
          WHERE ancestor.relid <> class.oid)
    ORDER BY 1";

const SEQUENCES: &str = "
    SELECT format('%I.%I', namespace.nspname, class.relname)
    FROM pg_class AS class JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
    WHERE class.relkind = 'S' ORDER BY 1";

const LARGE_OBJECTS: &str = "
    SELECT concat_ws(' ', large.oid, pg_get_userbyid(lomowner),
                (SELECT string_agg(entry::text, ',' ORDER BY entry::text) FROM unnest(lomacl) AS entry),
                obj_description(large.oid, 'pg_largeobject'),
                length(lo_get(large.oid)), md5(lo_get(large.oid)))
    FROM pg_largeobject_metadata AS large ORDER BY large.oid";

/// All that hangs on a database itself. `$1` is its name.
const PROPERTIES: &str = "
    SELECT concat_ws(E'\\n', pg_get_userbyid(datdba), datconnlimit, pg_encoding_to_char(encoding),
                datcollate, datctype, datlocprovider, daticulocale, dattablespace,
                (SELECT string_agg(entry::text, ' ' ORDER BY entry::text) FROM unnest(datacl) AS entry),
                shobj_description(oid, 'pg_database'),
                (SELECT string_agg(coalesce(nullif(setrole, 0)::regrole::text, 'all') || ' ' || entry,
                                   E'\\n' ORDER BY setrole, entry)
                 FROM pg_db_role_setting, unnest(setconfig) AS entry WHERE setdatabase = database.oid))
    FROM pg_database AS database WHERE datname = $1";

/// One database, as it was at one time.
pub(crate) struct Portrait {
    /// `pg_dump --schema-only`.
    schema: Vec<Vec<u8>>,
    /// By their quoted names, each table's rows, sorted.
    pub(crate) tables: BTreeMap<String, Vec<Vec<u8>>>,
    /// Last value, and whether it was given away.
    sequences: BTreeMap<String, (i64, bool)>,
    /// Number, owner, access list, comment, size and digest.
    large_objects: Vec<String>,
    /// What hangs on the database itself.
    properties: String,
}

impl Portrait {
    /// Reads a database of the test's cluster.
    pub(crate) async fn of(site: &Site, database: &str) -> Self {
        let client = site.databases.superuser_in(database).await;
        settle(&client).await;
        let encoding: String = value(
            &client,
            "SELECT pg_encoding_to_char(encoding)::text FROM pg_database WHERE datname = current_database()",
        )
        .await;
        let mut tables = BTreeMap::new();
        for row in client.query(TABLES, &[]).await.unwrap() {
            let (name, query): (String, Option<String>) = (row.get(0), row.get(1));
            let rows = match query {
                Some(query) => rows(&client, &encoding, &query).await,
                None => vec![b"(not populated)".to_vec()],
            };
            tables.insert(name, rows);
        }
        let mut sequences = BTreeMap::new();
        for row in client.query(SEQUENCES, &[]).await.unwrap() {
            let name: String = row.get(0);
            let state = format!("SELECT last_value, is_called FROM {name}");
            let state = client.query_one(&state, &[]).await.unwrap();
            sequences.insert(name, (state.get(0), state.get(1)));
        }
        let large_objects = client.query(LARGE_OBJECTS, &[]).await.unwrap();
        let properties = client.query_one(PROPERTIES, &[&database]).await.unwrap();
        Self {
            schema: schema(database, &encoding),
            tables,
            sequences,
            large_objects: large_objects.iter().map(|row| row.get(0)).collect(),
            properties: properties.get(0),
        }
    }

    /// Leaves out of account in which order a table's columns stand.
    pub(crate) fn without_order_of_columns(mut self) -> Self {
        for line in &mut self.schema {
            if line.ends_with(b",") {
                line.pop();
            }
        }
        self.schema.sort();
        self
    }

    /// Where another database is not as this one; empty when it is.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = self.differences_within(other);
        if self.properties != other.properties {
            found.push(format!(
                "the database is {:?} instead of {:?}",
                other.properties, self.properties
            ));
        }
        found
    }

    /// The same, but for what hangs on the database itself, which no plain SQL holds.
    pub(crate) fn differences_within(&self, other: &Self) -> Vec<String> {
        let mut found = lines("the schema", &self.schema, &other.schema);
        let (ours, theirs): (BTreeSet<_>, BTreeSet<_>) =
            (self.tables.keys().collect(), other.tables.keys().collect());
        for name in ours.symmetric_difference(&theirs) {
            found.push(format!("table {name} is in one of both"));
        }
        for name in ours.intersection(&theirs) {
            found.extend(lines(name, &self.tables[*name], &other.tables[*name]));
        }
        if self.sequences != other.sequences {
            found.push(format!(
                "sequences are {:?} instead of {:?}",
                other.sequences, self.sequences
            ));
        }
        if self.large_objects != other.large_objects {
            found.push(format!(
                "large objects are {:?} instead of {:?}",
                other.large_objects, self.large_objects
            ));
        }
        found
    }
}

/// Makes a session write values as the portrait wants them.
pub(crate) async fn settle(client: &Client) {
    for (name, setting) in SETTINGS {
        run(client, &format!("SET {name} = '{setting}'")).await;
    }
    run(client, "SET row_security = off; SET statement_timeout = 0").await;
}

/// The rows of a query in COPY's text format and the database's own encoding, sorted.
async fn rows(client: &Client, encoding: &str, query: &str) -> Vec<Vec<u8>> {
    let copy = format!("COPY ({query}) TO STDOUT (ENCODING '{encoding}')");
    let mut rows = copied(client, &copy).await;
    rows.sort();
    rows
}

/// What a COPY statement gives, row by row, without line ends.
pub(crate) async fn copied(client: &Client, copy: &str) -> Vec<Vec<u8>> {
    let stream = match client.copy_out(copy).await {
        Ok(stream) => stream,
        Err(error) => panic!("{copy}: {error:?}"),
    };
    let pieces: Vec<_> = stream.try_collect().await.unwrap();
    pieces
        .into_iter()
        .map(|row| row.strip_suffix(b"\n").unwrap().to_vec())
        .collect()
}

/// Lines of a dump that say nothing: the keys, which are others each time, and headings. Those name the owners of what
/// belongs to extensions, who are whoever made the extension; of all else the statements say the owner.
const LEFT_OUT: [&[u8]; 3] = [b"\\restrict ", b"\\unrestrict ", b"-- Name: "];

/// `pg_dump --schema-only`, line by line.
fn schema(database: &str, encoding: &str) -> Vec<Vec<u8>> {
    let options: String = SETTINGS
        .iter()
        .filter(|(name, _)| *name != "search_path")
        .map(|(name, setting)| format!("-c {name}={setting} "))
        .collect();
    let output = as_superuser("pg_dump", database)
        .args(["--schema-only", "--encoding", encoding])
        .env("PGOPTIONS", options)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !LEFT_OUT.iter().any(|start| line.starts_with(start)))
        .map(<[u8]>::to_vec)
        .collect()
}

/// The first lines that only one side has, or that the places of lines differ.
fn lines(of: &str, ours: &[Vec<u8>], theirs: &[Vec<u8>]) -> Vec<String> {
    const SHOWN: usize = 5;
    const WIDTH: usize = 300;

    if ours == theirs {
        return Vec::new();
    }
    let only = |here: &[Vec<u8>], there: &[Vec<u8>], what: &str| {
        let mut counts: BTreeMap<&[u8], i64> = BTreeMap::new();
        for line in there {
            *counts.entry(line).or_default() += 1;
        }
        let mut found = Vec::new();
        for line in here {
            let count = counts.entry(line).or_default();
            *count -= 1;
            if *count < 0 {
                let shown = &line[..line.len().min(WIDTH)];
                found.push(format!("{of}: {what}: {}", shown.escape_ascii()));
            }
        }
        found.truncate(SHOWN);
        found
    };
    let mut found = only(ours, theirs, "is lost");
    found.extend(only(theirs, ours, "is new"));
    if found.is_empty() {
        found.push(format!("{of}: the same lines stand in another order"));
    }
    found
}
