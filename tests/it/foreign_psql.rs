//! Other tools' dumps in the real psql: what pg_dump writes is restored, and what would run programs runs none.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use bytes::Bytes;
use pgsteward::{model::failure::Failure, tools::psql};
use tempfile::TempDir;
use tokio_postgres::Config;

use crate::support::{
    cluster::{as_superuser, binaries},
    database::Databases,
};

/// A login of one of the test's roles.
fn login(databases: &Databases, role: &str, database: &str) -> Config {
    databases.url(role, database).parse().unwrap()
}

/// Runs a file in a restricted psql; gives why that failed.
async fn play(login: &Config, file: &[u8], piece: usize) -> Result<(), Failure> {
    let program = binaries().restricted_psql().await?;
    let mut psql = psql::run_restricted(&program, login)?;
    for piece in file.chunks(piece) {
        psql.write(&Bytes::copy_from_slice(piece)).await?;
    }
    Ok(psql.finish().await?)
}

/// What pg_dump makes of a database.
fn pg_dump(databases: &Databases, database: &str) -> Vec<u8> {
    let output = Command::new(binaries().path("pg_dump"))
        .arg("--no-owner")
        .arg(databases.url("backup", database))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

/// A directory in which anyone may make files, and a file in it that nobody has made.
fn nowhere() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o777)).unwrap();
    let path = directory.path().join("touched");
    (directory, path)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_of_today_is_restored_wherever_its_bytes_are_cut() {
    let databases = Databases::create().await;
    databases
        .run(
            r"CREATE TABLE notes (n int PRIMARY KEY, note text);
              INSERT INTO notes VALUES (1, E'\\unrestrict x'), (2, E'a\n\\.\nb'), (3, 'größe'), (4, NULL);
              INSERT INTO notes SELECT n, repeat('x', n) FROM generate_series(10, 500) n;
              CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $a$
SELECT '
\unrestrict x
\! touch x
COPY notes FROM stdin;
' $a$",
        )
        .await;
    let dump = pg_dump(&databases, &databases.managed());
    assert!(memchr::memmem::find(&dump, b"\n\\restrict ").is_some());
    let server = databases.superuser_in("postgres").await;
    for (number, piece) in [1_usize << 20, 13, 1].into_iter().enumerate() {
        let copy = format!("{}_copy{number}", databases.managed());
        let owner = databases.role("migrator");
        let create = format!("CREATE DATABASE {copy} OWNER {owner} TEMPLATE template0");
        server.batch_execute(&create).await.unwrap();
        let opening = format!("ALTER SCHEMA public OWNER TO {owner}");
        let inside = databases.superuser_in(&copy).await;
        inside.batch_execute(&opening).await.unwrap();

        play(&login(&databases, "migrator", &copy), &dump, piece)
            .await
            .unwrap();

        let all = "SELECT string_agg(n || coalesce(note, '?'), ',' ORDER BY n) || f() FROM notes";
        let restored: String = inside.query_one(all, &[]).await.unwrap().get(0);
        assert_eq!(restored, databases.value::<String>(all).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_that_was_cut_is_refused_even_where_psql_is_content() {
    let databases = Databases::create().await;
    databases
        .run("CREATE TABLE things (n int); INSERT INTO things SELECT generate_series(1, 100)")
        .await;
    let dump = pg_dump(&databases, &databases.managed());
    let rows = memchr::memmem::find(&dump, b"\n50\n").unwrap();
    let last_line = memchr::memmem::find(&dump, b"\n\\unrestrict ").unwrap();
    let login = login(&databases, "migrator", &databases.managed());
    databases.run("DROP TABLE things").await;
    for cut in [rows, last_line] {
        let error = play(&login, &dump[..cut], 1 << 20).await.unwrap_err();
        assert_eq!(error.reason, "BACKUP_DAMAGED", "{error}");
    }
}

/// Files that would make the file at `path` if psql, or the server, did what they say.
fn hostile(path: &Path) -> Vec<String> {
    let touch = format!("touch {}", path.display());
    let run = format!("\\! {touch}\n");
    let mut files = vec![
        run.clone(),
        format!("\u{feff}{run}"),
        format!("SELECT 1;\n{run}"),
        format!("SELECT 1; {run}"),
        format!("SELECT 1 \\; SELECT 2;\n{run}"),
        format!("\\restrict a\n\\unrestrict a\n{run}"),
        format!("\\restrict a\nSELECT 1;\n\\unrestrict a\n{run}\\restrict a\n\\unrestrict a\n"),
        format!("\\restrict a\r\\unrestrict a\r{run}"),
        format!("\\restrict a {run}\\unrestrict a\n"),
        format!("\\restrict a\\\\{run}\\unrestrict a\n"),
        format!("\\unrestrict a\n{run}"),
        format!("\\unrestrict\n{run}"),
        format!("SELECT 1; \\unrestrict `{touch}`\n"),
        format!("SELECT 1; \\unrestrict 'a b'`{touch}`\n"),
        format!("SELECT 1; \\restrict `{touch}`\n"),
        format!("SELECT 1; \\unrestrict`{touch}`\n"),
        format!("SELECT 1; \\unrestrict\\ `{touch}`\n"),
        format!("SELECT 1; \\\\unrestrict `{touch}`\n"),
        format!("SELECT 1; \\unre\0\nstrict `{touch}`\n"),
        format!("SET client_encoding = 'SJIS';\nSELECT 1; \u{c3}\\\\unrestrict `{touch}`\n"),
        format!(
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; COPY t FROM stdin;\n\\unrestrict `{touch}`\n"
        ),
        format!("\\unrestrict `{touch}`\n"),
        format!("\\restrict `{touch}`\n"),
        format!("\\if true\n{run}\\endif\n"),
        format!("\\if `{touch}`\n\\endif\n"),
        format!("\\set x `{touch}`\n"),
        format!("\\o |{touch}\nSELECT 1;\n"),
        format!("\\o {}\nSELECT 1;\n", path.display()),
        format!("SELECT 1 \\g |{touch}\n"),
        format!("SELECT 1 \\g {}\n", path.display()),
        format!("SELECT 1 \\gx (format=csv) |{touch}\n"),
        format!("SELECT 1 \\w {}\n", path.display()),
        format!("SELECT 1 \\w |{touch}\n"),
        format!("\\copy (SELECT 1) TO PROGRAM '{touch}'\n"),
        format!("\\copy (SELECT 1) TO '{}'\n", path.display()),
        format!("\\setenv PSQL_EDITOR '{touch};'\nSELECT 1 \\e\n"),
        format!("\\setenv SHELL /bin/sh\n{run}"),
        format!("COPY missing FROM stdin;\n\\.\n{run}"),
        format!("SELECT '\n';\n{run}"),
        format!("COPY (SELECT 1) TO PROGRAM '{touch}';\n"),
        format!("COPY (SELECT 1) TO '{}';\n", path.display()),
        format!("CREATE TABLE t (x text);\nCOPY t FROM PROGRAM '{touch}';\n"),
    ];
    // Behind a statement the filter leaves a command to psql.
    let behind: Vec<String> = files
        .iter()
        .filter(|file| file.starts_with('\\'))
        .map(|file| format!("SELECT 1; {file}"))
        .collect();
    files.extend(behind);
    // Rows that end where nobody looks for it.
    for rows in ["\\.\n", "1\n\\.\r\n", "\\.\n\\.\n", "\r\n\\.\n"] {
        files.push(format!(
            "CREATE TEMPORARY TABLE t (x text);\nCOPY t FROM stdin;\n{rows}{run}"
        ));
    }
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_hostile_file_holds_is_run() {
    let databases = Databases::create().await;
    let login = login(&databases, "migrator", &databases.managed());
    let (_directory, path) = nowhere();
    for file in hostile(&path) {
        let outcome = play(&login, file.as_bytes(), 1 << 20).await;
        assert!(outcome.is_err(), "{file:?} was taken");
        assert!(!path.exists(), "{file:?} was run");
    }
    // Were psql not restricted, the first of them would be run: what is looked for can be found.
    let first = hostile(&path).swap_remove(0);
    let file = path.with_extension("sql");
    fs::write(&file, first).unwrap();
    let status = as_superuser("psql", &databases.managed())
        .arg("--no-psqlrc")
        .arg("--file")
        .arg(&file)
        .status()
        .unwrap();
    assert!(status.success());
    assert!(path.exists());
}
