//! Account: who runs the cluster's processes and owns its files.
//!
//! PostgreSQL refuses to run as root. A daemon that is root runs it as an unprivileged account; any other daemon runs it
//! as itself.

use std::{env, fs, io, os::unix::fs::MetadataExt, path::Path, process::Stdio};

use nix::unistd::{Uid, User, geteuid};
use tokio::process::Command;

use super::error::EmbeddedError;
use crate::tools::binaries::Binaries;

/// What a child needs of the daemon's environment. The rest may hold the daemon's own secrets and `PG*` settings.
const PASSED_ON: [&str; 4] = ["PATH", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"];

/// The server's account.
#[derive(Clone, Debug)]
pub(super) struct Account {
    name: String,
    uid: u32,
    gid: u32,
    /// Whether the daemon has to change to it.
    switch: bool,
}

impl Account {
    /// The account for the cluster in `cluster`, as [`super::EmbeddedConfig::user`] describes.
    pub(super) fn select(configured: Option<&str>, cluster: &Path) -> Result<Self, EmbeddedError> {
        if !geteuid().is_root() {
            let uid = geteuid();
            let gid = nix::unistd::getegid();
            return Ok(Self {
                name: uid.to_string(),
                uid: uid.as_raw(),
                gid: gid.as_raw(),
                switch: false,
            });
        }
        let owner = fs::metadata(cluster).ok().map(|cluster| cluster.uid());
        let (name, user) = match (configured, owner) {
            (Some(name), _) => (name.to_owned(), by_name(name)),
            (None, Some(uid)) => (uid.to_string(), by_uid(uid)),
            (None, None) => match by_name("postgres") {
                None => ("nobody".to_owned(), by_name("nobody")),
                found => ("postgres".to_owned(), found),
            },
        };
        match user {
            Some(user) if !user.uid.is_root() => Ok(Self {
                name: user.name,
                uid: user.uid.as_raw(),
                gid: user.gid.as_raw(),
                switch: true,
            }),
            _ => Err(EmbeddedError::UnfitAccount { account: name }),
        }
    }

    /// A child of this account, with its own process group (so that Ctrl-C reaches the daemon alone, which then stops
    /// the server in its turn), a clean environment and no input.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear();
        for name in PASSED_ON {
            if let Some(value) = env::var_os(name) {
                command.env(name, value);
            }
        }
        command
            .env("LC_ALL", "C")
            .current_dir("/")
            .stdin(Stdio::null())
            .process_group(0);
        if self.switch {
            // The supplementary groups of root go too: the standard library clears them with the change of user.
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Gives a file or directory (not what a link points to) to the account.
    pub(super) fn take(&self, path: &Path) -> Result<(), EmbeddedError> {
        if self.switch {
            std::os::unix::fs::lchown(path, Some(self.uid), Some(self.gid))
                .map_err(EmbeddedError::file("change the owner of", path))?;
        }
        Ok(())
    }

    /// Whether a file of this owner can only be this account's or the daemon's work.
    pub(super) fn trusts(&self, owner: u32) -> bool {
        owner == self.uid || owner == geteuid().as_raw()
    }

    /// Checks that the account can run the programs and enter the data directory.
    ///
    /// It is tried, by a child of the account, rather than computed from mode bits: access lists count as well.
    pub(super) async fn check_access(
        &self,
        binaries: &Binaries,
        data_directory: &Path,
    ) -> Result<(), EmbeddedError> {
        let program = binaries.path("postgres");
        if self.can_run(&program, "--version", data_directory).await? {
            return Ok(());
        }
        for target in [binaries.directory(), data_directory] {
            let mut above: Vec<&Path> = target.ancestors().collect();
            above.reverse();
            for directory in above {
                // A program that every account may run, so that only the directory can be what refuses.
                if !self.can_run(Path::new("/bin/sh"), "-n", directory).await? {
                    return Err(EmbeddedError::NotTraversable {
                        account: self.name.clone(),
                        directory: directory.to_owned(),
                        target: target.to_owned(),
                    });
                }
            }
        }
        Err(EmbeddedError::Spawn {
            program,
            source: io::ErrorKind::PermissionDenied.into(),
        })
    }

    /// Whether the account may execute `program` with `directory` as its working directory.
    async fn can_run(
        &self,
        program: &Path,
        argument: &str,
        directory: &Path,
    ) -> Result<bool, EmbeddedError> {
        let probe = self
            .command(program)
            .arg(argument)
            .current_dir(directory)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .status()
            .await;
        match probe {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(false),
            Err(source) => Err(EmbeddedError::Spawn {
                program: program.to_owned(),
                source,
            }),
        }
    }
}

fn by_name(name: &str) -> Option<User> {
    User::from_name(name).ok().flatten()
}

fn by_uid(uid: u32) -> Option<User> {
    User::from_uid(Uid::from_raw(uid)).ok().flatten()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    #[test]
    fn a_daemon_that_is_root_runs_the_server_as_somebody_else() {
        let root = tempfile::tempdir().unwrap();
        let select = |configured| Account::select(configured, &root.path().join("absent"));
        if !geteuid().is_root() {
            let account = select(Some("no such account")).unwrap();
            assert_eq!(account.uid, geteuid().as_raw());
            assert!(!account.switch);
            return;
        }
        assert_ne!(select(None).unwrap().uid, 0);
        assert_eq!(select(Some("nobody")).unwrap().name, "nobody");
        for unfit in ["root", "no such account"] {
            let error = select(Some(unfit)).unwrap_err();
            assert!(error.to_string().contains(unfit), "{error}");
        }
    }

    #[test]
    fn an_existing_cluster_is_run_by_its_owner() {
        let cluster = tempfile::tempdir().unwrap();
        if geteuid().is_root() {
            let nobody = by_name("nobody").unwrap().uid.as_raw();
            std::os::unix::fs::chown(cluster.path(), Some(nobody), None).unwrap();
        }

        let account = Account::select(None, cluster.path()).unwrap();

        assert_eq!(account.uid, fs::metadata(cluster.path()).unwrap().uid());
    }

    #[tokio::test]
    async fn children_see_nothing_of_the_daemons_secrets() {
        let root = tempfile::tempdir().unwrap();
        let account = Account::select(None, &root.path().join("absent")).unwrap();

        let output = account
            .command(Path::new("/usr/bin/env"))
            .output()
            .await
            .unwrap();

        let environment = String::from_utf8(output.stdout).unwrap();
        for line in environment.lines() {
            let name = line.split('=').next().unwrap();
            assert!(name == "LC_ALL" || PASSED_ON.contains(&name), "{line}");
        }
    }
}
