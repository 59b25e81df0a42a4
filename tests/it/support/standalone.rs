//! The daemon as it runs without a configuration: with a PostgreSQL of its own in its data directory.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

use super::{daemon::Process, wait::until_blocking};

/// A data directory. Whatever server runs in it at the end of a test, failed or not, is ended.
pub(crate) struct Standalone(TempDir);

impl Standalone {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        // The server's account has to pass through.
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        Self(directory)
    }

    /// The daemon's data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    /// Starts a process, ready or not.
    pub(crate) fn spawn(&self) -> Process {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgsteward"));
        command
            .arg("serve")
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("PGSTEWARD__DATA_DIR", self.data())
            .env("PGSTEWARD__LISTEN__GRPC", "127.0.0.1:0")
            .env("PGSTEWARD__LOG__FORMAT", "json");
        Process::spawn(command, self.0.path().join(format!("daemon{number}.log")))
    }

    /// The process id of the server that runs in the directory, if one does.
    pub(crate) fn server(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.data().join("postgres/postmaster.pid")).ok()?;
        let pid = text.lines().next()?.parse().ok()?;
        // The file outlives a server that was killed, and then the number may be another's.
        command_line(pid)
            .contains(self.0.path().to_str().unwrap())
            .then(|| Pid::from_raw(pid))
    }
}

impl Drop for Standalone {
    fn drop(&mut self) {
        let Some(server) = self.server() else {
            return;
        };
        kill(server, Signal::SIGQUIT).unwrap();
        until_blocking("the server is gone", || {
            self.server().is_none().then_some(())
        });
    }
}

/// What a process was started as; empty for one that is gone or a zombie.
fn command_line(pid: i32) -> String {
    let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.replace('\0', " ")
}

/// The command lines of all processes that name the path.
pub(crate) fn processes_of(path: &Path) -> Vec<String> {
    let path = path.to_str().unwrap();
    let entries = fs::read_dir("/proc").unwrap();
    entries
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok())
        .map(command_line)
        .filter(|line| line.contains(path))
        .collect()
}
