//! Layout: the files and directories of the private cluster, and who holds them.
//!
//! ```text
//! <data directory>/            the daemon's; the server's account may pass through
//!   pgsteward.lock             held by the one daemon that uses the directory
//!   credentials.json           the roles' passwords, for the daemon's user only
//!   pg_hba.conf                who may connect and how; written by the daemon, only read by the server
//!   postgres.log               what the server logs
//!   postgres/                  the cluster (PGDATA), the server account's
//!   postgres.new.<random>/     a cluster in the making
//!   run/                       the socket, the server account's
//! ```

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io::{Read, Seek, Write},
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{account::Account, error::EmbeddedError};

/// What PostgreSQL calls the socket of port 5432, the only port that is used here.
pub(super) const SOCKET_NAME: &str = ".s.PGSQL.5432";

/// How the name of a cluster in the making begins. Each has a name of its own, since an initdb outlives the daemon that
/// is killed beside it, and on failure empties its directory.
pub(super) const UNFINISHED_PREFIX: &str = "postgres.new.";

/// How long a socket's path may be: `sun_path` of unix(7) and of macOS' unix(4), less the closing NUL.
const LONGEST_SOCKET_PATH: usize = if cfg!(target_os = "macos") { 103 } else { 107 };

/// The exclusive use of a data directory, until it is dropped or the daemon ends in whatever way.
#[derive(Debug)]
pub(super) struct DirectoryLock {
    /// The lock is the open file's (flock), so that it goes with the process and needs no clean-up.
    file: File,
}

impl DirectoryLock {
    /// Takes the lock or says who has it.
    pub(super) fn acquire(data_directory: &Path) -> Result<Self, EmbeddedError> {
        let path = data_directory.join("pgsteward.lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(EmbeddedError::file("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let read = file.read_to_string(&mut holder);
                return Err(EmbeddedError::InUse {
                    directory: data_directory.to_owned(),
                    holder: read.ok().and_then(|_| holder.trim().parse().ok()),
                });
            }
            Err(TryLockError::Error(source)) => {
                return Err(EmbeddedError::file("lock", &path)(source));
            }
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(EmbeddedError::file("write", &path))?;
        Ok(Self { file })
    }
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // Closing the file would leave the lock to a child that is just being started, until its exec closes it too.
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "the lock of the data directory could not be released");
        }
    }
}

/// Where everything is. All paths are absolute and without links.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) data_directory: PathBuf,
    /// PGDATA. Whatever stands under this name was made completely.
    pub(super) cluster: PathBuf,
    /// PGDATA while initdb is at work.
    pub(super) unfinished_cluster: PathBuf,
    pub(super) credentials: PathBuf,
    /// Exists for the moment in which initdb reads it.
    pub(super) password_file: PathBuf,
    pub(super) access_rules: PathBuf,
    pub(super) log: PathBuf,
    pub(super) socket_directory: PathBuf,
}

/// Makes the data directory where it is missing, and gives its path without links.
///
/// What is made can be passed through by the server's account, not listed; an existing directory is left as it is.
pub(super) fn make_data_directory(path: &Path) -> Result<PathBuf, EmbeddedError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o711)
        .create(path)
        .map_err(EmbeddedError::file("make directory", path))?;
    fs::canonicalize(path).map_err(EmbeddedError::file("resolve", path))
}

impl Layout {
    /// Names the files and makes the socket's directory.
    pub(super) fn prepare(
        data_directory: PathBuf,
        account: &Account,
    ) -> Result<Self, EmbeddedError> {
        let run = data_directory.join("run");
        let socket_directory = if fits_a_socket(&run) {
            run
        } else {
            short_socket_directory(&data_directory)
        };
        make_private_directory(&socket_directory, account)?;
        Ok(Self {
            cluster: data_directory.join("postgres"),
            unfinished_cluster: data_directory
                .join(format!("{UNFINISHED_PREFIX}{:016x}", rand::random::<u64>())),
            credentials: data_directory.join("credentials.json"),
            password_file: data_directory.join("postgres.password"),
            access_rules: data_directory.join("pg_hba.conf"),
            log: data_directory.join("postgres.log"),
            socket_directory,
            data_directory,
        })
    }
}

/// Makes a directory that only the account can enter. An existing one is taken over only where nobody else can have
/// made it or changed it.
pub(super) fn make_private_directory(
    directory: &Path,
    account: &Account,
) -> Result<(), EmbeddedError> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let found = fs::symlink_metadata(directory)
                .map_err(EmbeddedError::file("look at", directory))?;
            let private = found.is_dir() && found.mode() & 0o777 == 0o700;
            if !private || !account.trusts(found.uid()) {
                return Err(EmbeddedError::UnsafeSocketDirectory {
                    directory: directory.to_owned(),
                });
            }
        }
        Err(source) => return Err(EmbeddedError::file("make directory", directory)(source)),
    }
    account.take(directory)
}

/// Replaces a file in one step and lasting: whoever reads it, even after a power cut, finds the old or the new text.
pub(super) fn replace_file(path: &Path, text: &str, mode: u32) -> Result<(), EmbeddedError> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&partial)
        .and_then(|mut file| {
            // The mode again, since the umask has taken from it and an old file has kept its own.
            file.set_permissions(Permissions::from_mode(mode))?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&partial, path));
    written.map_err(EmbeddedError::file("write", path))?;
    sync_parent(path)
}

/// Makes a rename or a new name in the parent directory lasting.
pub(super) fn sync_parent(path: &Path) -> Result<(), EmbeddedError> {
    let parent = path.parent().unwrap_or(path);
    File::open(parent)
        .and_then(|directory| directory.sync_all())
        .map_err(EmbeddedError::file("sync", parent))
}

/// A comma parts the entries of `unix_socket_directories`, and of `host` in a connection URL, with no way to escape it
/// in the latter; the former knows quotes as well.
fn fits_a_socket(directory: &Path) -> bool {
    let bytes = directory.as_os_str().as_bytes();
    bytes.len() + 1 + SOCKET_NAME.len() <= LONGEST_SOCKET_PATH
        && !bytes.contains(&b',')
        && !bytes.contains(&b'"')
}

/// A short name for the socket's directory that every start with the same data directory finds again. Anyone can make
/// things in /tmp, hence the look at the owner and the mode in [`make_private_directory`].
fn short_socket_directory(data_directory: &Path) -> PathBuf {
    let digest = Sha256::digest(data_directory.as_os_str().as_bytes());
    let short = digest
        .iter()
        .take(8)
        .fold(0_u64, |short, &byte| short << 8 | u64::from(byte));
    Path::new("/tmp").join(format!("pgsteward-{short:016x}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::os::unix::fs::symlink;

    use super::*;

    fn own_account(directory: &Path) -> Account {
        // The owner of an existing cluster: no change of user happens in these tests unless they run as root.
        Account::select(None, &directory.join("absent")).unwrap()
    }

    #[test]
    fn a_path_that_is_too_long_or_has_a_comma_gets_a_short_place_of_its_own() {
        let longest = format!(
            "/{}",
            "d".repeat(LONGEST_SOCKET_PATH - SOCKET_NAME.len() - 2)
        );
        assert!(fits_a_socket(Path::new(&longest)));
        assert!(!fits_a_socket(Path::new(&format!("{longest}d"))));
        assert!(!fits_a_socket(Path::new("/data,base")));
        assert!(!fits_a_socket(Path::new("/data\"base")));

        let short = short_socket_directory(Path::new(&longest));
        assert!(fits_a_socket(&short));
        assert_eq!(short, short_socket_directory(Path::new(&longest)));
        assert_ne!(short, short_socket_directory(Path::new("/elsewhere")));
    }

    #[test]
    fn a_squatted_socket_directory_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let account = own_account(root.path());
        let refused = |path: &Path| {
            matches!(
                make_private_directory(path, &account),
                Err(EmbeddedError::UnsafeSocketDirectory { .. })
            )
        };

        let open = root.path().join("open");
        DirBuilder::new().create(&open).unwrap();
        fs::set_permissions(&open, Permissions::from_mode(0o755)).unwrap();
        assert!(refused(&open));

        let link = root.path().join("link");
        symlink(root.path(), &link).unwrap();
        assert!(refused(&link));

        let private = root.path().join("private");
        make_private_directory(&private, &account).unwrap();
        make_private_directory(&private, &account).unwrap();
        if nix::unistd::geteuid().is_root() {
            std::os::unix::fs::chown(&private, Some(54_321), None).unwrap();
            assert!(refused(&private));
        }
    }

    #[test]
    fn the_second_holder_of_a_data_directory_learns_who_is_the_first() {
        let root = tempfile::tempdir().unwrap();
        let first = DirectoryLock::acquire(root.path()).unwrap();

        let error = DirectoryLock::acquire(root.path()).unwrap_err();

        assert!(
            matches!(error, EmbeddedError::InUse { holder, .. } if holder == Some(std::process::id()))
        );
        drop(first);
        DirectoryLock::acquire(root.path()).unwrap();
    }

    #[test]
    fn a_replaced_file_has_its_mode_whatever_it_had_before() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        fs::write(&path, "old and longer").unwrap();

        replace_file(&path, "new", 0o600).unwrap();

        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }
}
