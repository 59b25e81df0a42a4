//! Initialize: the choice of PostgreSQL's programs, and initdb.
//!
//! initdb works in `postgres.new.<random>`; the rename to `postgres` comes after its success. So a cluster under its own name is
//! complete, and whatever a killed daemon left under another name is thrown away.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    path::{Path, PathBuf},
    process::Output,
};

use secrecy::ExposeSecret;

use super::{
    account::Account,
    credentials::{Credentials, Role},
    error::EmbeddedError,
    layout::{Layout, UNFINISHED_PREFIX, make_private_directory, replace_file, sync_parent},
};
use crate::tools::binaries::Binaries;

/// The first version in which a database's owner owns its schema `public`; before it nobody but a superuser could
/// restore a dump.
pub(super) const OLDEST_MAJOR: u32 = 15;

/// The first that this machine has wins: character classification follows Unicode, comparison goes by bytes, so that no
/// update of the C library can break an index.
const LOCALES: [&str; 2] = ["C.UTF-8", "C"];

/// One rule: over the socket, by password. Nothing matches a connection over TCP, were there ever a listener.
const ACCESS_RULES: &str = "# Written by pgsteward at every start.\nlocal all all scram-sha-256\n";

/// The programs that fit the existing cluster, or the best ones for a new cluster.
pub(super) async fn choose_binaries(
    explicit: Option<&Path>,
    layout: &Layout,
) -> Result<Binaries, EmbeddedError> {
    let needed = cluster_major(&layout.cluster)?;
    let mut found = Vec::new();
    for binaries in Binaries::find_all(explicit, &["initdb", "postgres"])? {
        let major = binaries.version().await?.major;
        if needed.map_or(major >= OLDEST_MAJOR, |needed| needed == major) {
            return Ok(binaries);
        }
        let place = binaries.directory().display();
        found.push(format!("PostgreSQL {major} ({place})"));
    }
    Err(match needed {
        None => EmbeddedError::TooOld { found },
        Some(needed) => EmbeddedError::OtherMajor {
            cluster: layout.cluster.clone(),
            needed,
            found,
        },
    })
}

/// The major version of an existing cluster. initdb writes `PG_VERSION`: the major version and a line end.
fn cluster_major(cluster: &Path) -> Result<Option<u32>, EmbeddedError> {
    if !cluster.exists() {
        return Ok(None);
    }
    let path = cluster.join("PG_VERSION");
    let major = fs::read_to_string(&path).and_then(|text| {
        text.trim()
            .parse()
            .map_err(|_| std::io::Error::new(ErrorKind::InvalidData, "not a major version"))
    });
    major.map(Some).map_err(EmbeddedError::file("read", &path))
}

/// Makes the cluster where there is none, and writes the access rules.
pub(super) async fn cluster(
    layout: &Layout,
    account: &Account,
    binaries: &Binaries,
    credentials: &Credentials,
) -> Result<(), EmbeddedError> {
    replace_file(&layout.access_rules, ACCESS_RULES, 0o644)?;
    if layout.cluster.exists() {
        return remove_leftovers(layout);
    }
    tracing::info!(directory = ?layout.cluster, "making the embedded PostgreSQL cluster");
    let password_file = PasswordFile::write(layout, account, credentials)?;
    for (index, locale) in LOCALES.iter().enumerate() {
        remove_leftovers(layout)?;
        make_private_directory(&layout.unfinished_cluster, account)?;
        let output = initdb(layout, account, binaries, &password_file.path, locale).await?;
        if output.status.success() {
            break;
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if index + 1 == LOCALES.len() || !said.contains("invalid locale") {
            return Err(EmbeddedError::Initdb {
                status: output.status,
                output: said,
            });
        }
    }
    drop(password_file);
    // initdb has synced its files; the names above them are still to do.
    fs::rename(&layout.unfinished_cluster, &layout.cluster)
        .map_err(EmbeddedError::file("rename", &layout.unfinished_cluster))?;
    sync_parent(&layout.cluster)
}

async fn initdb(
    layout: &Layout,
    account: &Account,
    binaries: &Binaries,
    password_file: &Path,
    locale: &str,
) -> Result<Output, EmbeddedError> {
    let program = binaries.path("initdb");
    account
        .command(&program)
        .arg("-D")
        .arg(&layout.unfinished_cluster)
        .arg("--pwfile")
        .arg(password_file)
        .arg(format!("--username={}", Role::Superuser.name()))
        .arg(format!("--locale={locale}"))
        .args([
            "--encoding=UTF8",
            "--data-checksums",
            "--auth-local=scram-sha-256",
            "--auth-host=scram-sha-256",
            "--no-instructions",
        ])
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|source| EmbeddedError::Spawn { program, source })
}

/// Removes the clusters that a killed daemon, or a failed initdb, left behind.
fn remove_leftovers(layout: &Layout) -> Result<(), EmbeddedError> {
    let directory = &layout.data_directory;
    for entry in fs::read_dir(directory).map_err(EmbeddedError::file("list", directory))? {
        let path = entry
            .map_err(EmbeddedError::file("list", directory))?
            .path();
        let name = path.file_name().unwrap_or_default();
        if name.as_bytes().starts_with(UNFINISHED_PREFIX.as_bytes())
            && let Err(error) = fs::remove_dir_all(&path)
        {
            // An initdb whose daemon was killed may still be writing there. Its directory has a name of its own, so
            // that it cannot harm this start; the next one removes it.
            tracing::warn!(?path, %error, "an unfinished cluster could not be removed");
        }
    }
    Ok(())
}

/// The superuser's password for initdb: a file of the account's own, removed however initdb ends.
struct PasswordFile {
    path: PathBuf,
}

impl PasswordFile {
    fn write(
        layout: &Layout,
        account: &Account,
        credentials: &Credentials,
    ) -> Result<Self, EmbeddedError> {
        let path = layout.password_file.clone();
        // Left by a daemon that was killed at this point.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(EmbeddedError::file("remove", &path)(error));
            }
            _ => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(EmbeddedError::file("make", &path))?;
        let this = Self { path };
        let password = credentials.password(Role::Superuser).expose_secret();
        writeln!(file, "{password}").map_err(EmbeddedError::file("write", &this.path))?;
        account.take(&this.path)?;
        Ok(this)
    }
}

impl Drop for PasswordFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path)
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!(path = ?self.path, %error, "the password file for initdb could not be removed");
        }
    }
}
