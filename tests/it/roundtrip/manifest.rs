//! The manifest against the archive and the database: every row is where it says, counted and hashed as anyone can.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Read as _,
    process::{Command, Stdio},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use flate2::read::MultiGzDecoder;
use pgsteward::{
    model::backup::{Contents, Manifest, RowHasher, RowSum, TableContents},
    postgres::quote::identifier,
    proto::{Backup, GetBackupRequest},
};
use tokio_postgres::Client;

use super::{
    fill, interchange,
    portrait::{copied, settle},
    restore, works_as_superuser,
};
use crate::support::{self, Site};

/// Every table whose rows belong into a backup, with the columns that are stored as they are given.
const TABLES: &str = "
    SELECT namespace.nspname::text, class.relname::text,
           ARRAY(SELECT attname::text FROM pg_attribute
                 WHERE attrelid = class.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum)
    FROM pg_class AS class JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
    WHERE relkind = 'r' AND relpersistence <> 't' AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = class.oid AND deptype = 'e')
    ORDER BY 1, 2";

fn manifest(site: &Site, backup: &Backup) -> Manifest {
    let file = site.store().join(format!("{}.json", backup.filename));
    Manifest::parse(&fs::read(file).unwrap()).unwrap()
}

/// A part of an archive, which must be whole gzip members, decompressed.
fn unpacked(archive: &[u8], (offset, length): (u64, u64)) -> Vec<u8> {
    let (start, length) = (
        usize::try_from(offset).unwrap(),
        usize::try_from(length).unwrap(),
    );
    let part = &archive[start..start + length];
    if part.is_empty() {
        return Vec::new();
    }
    assert!(
        part.starts_with(b"\x1f\x8b"),
        "byte {offset} begins no member"
    );
    let mut plain = Vec::new();
    MultiGzDecoder::new(part).read_to_end(&mut plain).unwrap();
    plain
}

/// The identifiers of a table as SQL writes them.
async fn quoted(client: &Client, schema: &str, table: &str) -> String {
    let row = client
        .query_one(
            "SELECT format('%I.%I', $1::text, $2::text)",
            &[&schema, &table],
        )
        .await
        .unwrap();
    row.get(0)
}

/// What the database itself says of a table's rows.
async fn counted(client: &Client, table: &TableContents) -> RowSum {
    let name = quoted(client, &table.schema, &table.table).await;
    let columns: Vec<String> = table.columns.iter().map(|name| identifier(name)).collect();
    let columns = columns.join(", ");
    let copy = match (columns.as_str(), table.condition.as_str()) {
        ("", "") => format!("COPY {name} TO STDOUT"),
        (columns, "") => format!("COPY {name} ({columns}) TO STDOUT"),
        (columns, condition) => {
            format!("COPY (SELECT {columns} FROM ONLY {name} {condition}) TO STDOUT")
        }
    };
    let mut hasher = RowHasher::default();
    for row in copied(client, &copy).await {
        hasher.update(&row);
        hasher.update(b"\n");
    }
    hasher.sum()
}

/// The rows of one block: a whole COPY statement for that table.
fn rows_of_block(plain: &[u8], targets: &[String; 2]) -> RowSum {
    const BEGIN: &[u8] = b" FROM stdin;\n";

    let begin = memchr::memmem::find(plain, BEGIN).unwrap();
    let (statement, rows) = (&plain[..begin], &plain[begin + BEGIN.len()..]);
    let statement = String::from_utf8(statement.to_vec()).unwrap();
    let copies = statement.lines().any(|line| line.starts_with("COPY "));
    assert!(
        copies && targets.iter().any(|name| statement.contains(name)),
        "{statement} is no COPY into {targets:?}"
    );
    let rows = rows.trim_ascii_end();
    let end = rows.strip_suffix(b"\\.").unwrap();
    assert!(end.is_empty() || end.ends_with(b"\n"));
    let mut hasher = RowHasher::default();
    hasher.update(end);
    hasher.sum()
}

/// That the ranges lie in the archive, one behind the other, and are all of it.
async fn expect_archive_as_told(site: &Site, backup: &Backup, contents: &Contents) {
    let client = site.databases.superuser().await;
    let archive = fs::read(site.store().join(&backup.filename)).unwrap();
    let mut sums = vec![RowSum::default(); contents.tables.len()];
    for block in &contents.blocks {
        let plain = unpacked(&archive, (block.offset, block.length));
        let Some(place) = block.table else {
            continue;
        };
        let table = &contents.tables[place];
        let (schema, name) = match &table.load_into {
            Some((schema, name)) => (schema, name),
            None => (&table.schema, &table.table),
        };
        // Quoted where it must be, or always.
        let targets = [
            quoted(&client, schema, name).await,
            format!("{}.{}", identifier(schema), identifier(name)),
        ];
        let sum = rows_of_block(&plain, &targets);
        assert_eq!(sum.rows, block.rows, "{schema}.{name}");
        sums[place] += sum;
    }
    for (table, sum) in contents.tables.iter().zip(sums) {
        assert_eq!(
            (sum.rows, sum.hash),
            (table.rows, table.content_hash),
            "{table:?}"
        );
    }

    let mut ranges: Vec<(u64, u64)> = contents
        .blocks
        .iter()
        .map(|block| (block.offset, block.length))
        .chain([contents.pre_data, contents.sequences, contents.post_data])
        .filter(|(_, length)| *length > 0)
        .collect();
    ranges.sort_unstable();
    let (mut plain, mut at) = (Vec::new(), 0);
    for (offset, length) in ranges {
        assert!(at <= offset, "the range at {offset} begins before {at}");
        plain.extend(unpacked(&archive, (at, offset - at)));
        plain.extend(unpacked(&archive, (offset, length)));
        at = offset + length;
    }
    let end = archive.len() as u64;
    plain.extend(unpacked(&archive, (at, end - at)));
    assert!(
        plain == interchange::gunzipped(site, backup),
        "the parts are not the whole"
    );
    assert_eq!(
        i64::try_from(plain.len()).unwrap(),
        backup.uncompressed_bytes
    );

    let has = |range, text: &str| {
        let sql = String::from_utf8(unpacked(&archive, range)).unwrap();
        assert!(sql.contains(text), "{text} is not in {range:?}");
    };
    has(contents.pre_data, "CREATE TABLE public.generated (");
    has(contents.sequences, "setval(");
    has(
        contents.post_data,
        "ADD CONSTRAINT by_hash_pkey PRIMARY KEY",
    );
}

/// `pg_restore` reads the schema that the manifest keeps.
fn expect_schema_archive(site: &Site, contents: &Contents) {
    let packed = BASE64_STANDARD.decode(&contents.schema_archive).unwrap();
    let file = site.path("schema.dump");
    fs::write(&file, unpacked(&packed, (0, packed.len() as u64))).unwrap();
    let program = support::cluster::binaries().path("pg_restore");
    let listed = Command::new(program)
        .arg("--list")
        .arg(&file)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("TABLE public by_hash "), "{listed}");
    assert!(!listed.contains("TABLE DATA"), "{listed}");
}

#[tokio::test]
async fn each_row_is_counted_and_hashed_and_lies_where_the_manifest_says() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let role = site.databases.role("migrator");
    for theme in [
        include_str!("columns.sql"),
        include_str!("partitions.sql"),
        include_str!("identifiers.sql"),
        include_str!("large_objects.sql"),
        include_str!("many.sql"),
    ] {
        fill(&site, &role, theme);
    }
    let backup = client.back_up().await;
    let manifest = manifest(&site, &backup);
    let contents = manifest.open_contents().unwrap();

    let superuser = site.databases.superuser().await;
    settle(&superuser).await;
    let listed = superuser.query(TABLES, &[]).await.unwrap();
    let expected: BTreeSet<(String, String, Vec<String>)> = listed
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect();
    let told: BTreeSet<_> = contents
        .tables
        .iter()
        .map(|table| {
            (
                table.schema.clone(),
                table.table.clone(),
                table.columns.clone(),
            )
        })
        .collect();
    assert_eq!(told, expected);
    for table in &contents.tables {
        let sum = counted(&superuser, table).await;
        assert_eq!(
            (table.rows, table.content_hash),
            (sum.rows, sum.hash),
            "{table:?}"
        );
        let by_enum = table.table.starts_with("by_colour");
        let root = by_enum.then(|| ("public".to_owned(), "by_colour".to_owned()));
        assert_eq!(table.load_into, root, "{table:?}");
    }
    expect_archive_as_told(&site, &backup, contents).await;
    expect_schema_archive(&site, contents);
    let large = contents.large_objects.unwrap();
    assert_eq!(large.objects, 12);
    assert_eq!(backup.large_object_count, 12);

    let request = GetBackupRequest {
        filename: backup.filename.clone(),
    };
    let got = client.backup().get_backup(request).await.unwrap();
    let shown: BTreeMap<(String, String), (i64, String)> = got
        .into_inner()
        .backup
        .unwrap()
        .tables
        .into_iter()
        .map(|table| {
            (
                (table.schema, table.table),
                (table.rows, table.content_hash),
            )
        })
        .collect();
    for table in &contents.tables {
        let shown = &shown[&(table.schema.clone(), table.table.clone())];
        assert_eq!(
            *shown,
            (table.rows.cast_signed(), table.content_hash.to_string())
        );
    }

    let database = &contents.database;
    assert_eq!(database.owner, site.databases.role("admin"));
    assert_eq!(
        (
            database.encoding.as_str(),
            database.locale_provider.as_str()
        ),
        ("UTF8", "c")
    );
    let roles: Vec<&str> = contents
        .roles
        .iter()
        .map(|role| role.name.as_str())
        .collect();
    for role in ["admin", "migrator", "app"] {
        let role = site.databases.role(role);
        assert!(roles.contains(&role.as_str()), "{role} is not in {roles:?}");
    }
    daemon.stop().await;
}

#[tokio::test]
async fn of_an_extensions_settings_the_manifest_tells_the_users_rows_and_their_condition() {
    let (site, daemon) = support::start().await;
    works_as_superuser(&site).await;
    fill(&site, "postgres", include_str!("extension.sql"));
    let backup = daemon.client().back_up().await;
    let manifest = manifest(&site, &backup);
    let contents = manifest.open_contents().unwrap();

    let superuser = site.databases.superuser().await;
    settle(&superuser).await;
    let mut told = BTreeMap::new();
    for table in &contents.tables {
        let sum = counted(&superuser, table).await;
        assert_eq!(
            (table.rows, table.content_hash),
            (sum.rows, sum.hash),
            "{table:?}"
        );
        told.insert(table.table.as_str(), (table.rows, table.condition.as_str()));
    }
    assert_eq!(
        told,
        BTreeMap::from([
            ("beside", (2, "")),
            ("journal", (2, "")),
            ("knobs", (2, "WHERE NOT shipped")),
        ])
    );
    let extensions: Vec<&str> = contents
        .extensions
        .iter()
        .map(|e| e.name.as_str())
        .collect();
    assert!(
        extensions.contains(&support::installation::EXTENSION),
        "{extensions:?}"
    );
    daemon.stop().await;
}

#[tokio::test]
async fn the_hashes_of_rows_do_not_go_by_how_a_database_writes_values() {
    use pgsteward::proto::{ListBackupsRequest, RestoreVerification, VerificationLevel};

    let (site, daemon) = support::start().await;
    let client = daemon.client();
    fill(&site, "postgres", include_str!("settings.sql"));
    let set = client.back_up().await;
    let result = restore(&site, client, &set).await;
    assert_eq!(result.verification(), RestoreVerification::Full);
    let reset = site.databases.named(
        "ALTER DATABASE $database RESET ALL; ALTER ROLE $backup IN DATABASE $database RESET ALL;
         ALTER ROLE $admin IN DATABASE $database RESET ALL",
    );
    site.databases.run_as_superuser(&reset).await;

    // The same rows, by another way of writing, have the same hashes.
    let plain = client.back_up().await;
    let sums = |backup: &Backup| -> BTreeMap<String, RowSum> {
        let manifest = manifest(&site, backup);
        let tables = &manifest.open_contents().unwrap().tables;
        let sum = |table: &TableContents| RowSum {
            rows: table.rows,
            hash: table.content_hash,
        };
        tables
            .iter()
            .map(|table| (table.table.clone(), sum(table)))
            .collect()
    };
    assert_eq!(sums(&plain), sums(&set));
    assert_ne!(sums(&plain)["values_of_all"].hash, RowSum::default().hash);

    let request = ListBackupsRequest::default();
    let listed = client
        .backup()
        .list_backups(request)
        .await
        .unwrap()
        .into_inner();
    let first = listed
        .backups
        .iter()
        .find(|b| b.filename == set.filename)
        .unwrap();
    let highest = first.verifications.last().unwrap().level();
    assert_eq!(highest, VerificationLevel::ContentEqual);
    daemon.stop().await;
}
