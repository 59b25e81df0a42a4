//! An archive without pgsteward: `gunzip -c X.sql.gz | psql -v ON_ERROR_STOP=1`, as anyone would who has nothing else.

use std::process::{Command, Stdio};

use pgsteward::proto::Backup;

use crate::support::{
    Site,
    cluster::as_superuser,
    database::{run, value},
};

/// Loads an archive into a new, empty database of the managed one's encoding and locale; gives its name.
pub(crate) async fn load_with_psql(site: &Site, backup: &Backup) -> String {
    let server = site.databases.superuser_in("postgres").await;
    let managed = site.databases.managed();
    let like = "SELECT format('TEMPLATE template0 ENCODING %L LC_COLLATE %L LC_CTYPE %L',
                       pg_encoding_to_char(encoding), datcollate, datctype)
                   || CASE datlocprovider WHEN 'i' THEN format(' LOCALE_PROVIDER icu ICU_LOCALE %L', daticulocale)
                                          ELSE ' LOCALE_PROVIDER libc' END
                FROM pg_database WHERE datname = ";
    let like: String = value(&server, &format!("{like}'{managed}'")).await;
    let database = format!("{managed}_by_psql");
    run(&server, &format!("CREATE DATABASE {database} {like}")).await;

    let mut gunzip = Command::new("gunzip")
        .arg("-c")
        .arg(site.store().join(&backup.filename))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let psql = as_superuser("psql", &database)
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1"])
        .stdin(gunzip.stdout.take().unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&psql.stderr);
    assert!(psql.status.success(), "psql: {said}");
    assert!(gunzip.wait().unwrap().success());
    database
}

/// The plain SQL of an archive, by gunzip.
pub(crate) fn gunzipped(site: &Site, backup: &Backup) -> Vec<u8> {
    let output = Command::new("gunzip")
        .arg("-c")
        .arg(site.store().join(&backup.filename))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", output.stderr.escape_ascii());
    output.stdout
}
