//! Process: what the system tells about a process id, and which one a cluster's pid file means.
//!
//! A pid file outlives its process, and process ids are used again, in containers almost at once. So an id counts only
//! when the process behind it is a server on this very directory.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::Command,
};

use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    error::EmbeddedError,
    layout::{Layout, SOCKET_NAME},
};

/// The running server of the cluster, if there is one.
///
/// A pid file, of the cluster or of the socket, that means another program is removed: PostgreSQL would refuse to start
/// beside it. One whose process is dead stays, since PostgreSQL itself reads in it whether children of the dead server
/// still use the shared memory.
pub(super) fn running_server(layout: &Layout) -> Result<Option<i32>, EmbeddedError> {
    let pid_file = layout.cluster.join("postmaster.pid");
    let socket_lock = layout.socket_directory.join(format!("{SOCKET_NAME}.lock"));
    for file in [&pid_file, &socket_lock] {
        let Some(pid) = first_line_pid(file)? else {
            continue;
        };
        if !occupied(pid) {
            continue;
        }
        if !has_ended(pid) && serves(pid, &layout.cluster) {
            return Ok(Some(pid));
        }
        tracing::warn!(?file, pid, "removing a pid file that means another program");
        fs::remove_file(file).map_err(EmbeddedError::file("remove", file))?;
    }
    Ok(None)
}

/// Sends a signal; a process that is gone already is no error.
pub(super) fn signal(pid: i32, signal: Signal) -> Result<(), EmbeddedError> {
    match kill(Pid::from_raw(pid), signal) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(source) => Err(EmbeddedError::Signal { pid, source }),
    }
}

/// Whether the process has ended, reaped by its parent or not.
pub(super) fn has_ended(pid: i32) -> bool {
    !occupied(pid) || is_zombie(pid)
}

/// Whether the system knows the id, which is what PostgreSQL asks too.
fn occupied(pid: i32) -> bool {
    kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH)
}

/// A process that ended under a parent that does not care, such as a container's first process. Format: proc(5), the
/// state follows the name in parentheses, which may itself contain parentheses.
fn is_zombie(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        stat.rsplit_once(')')
            .is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
    })
}

/// The process id in a lock file of PostgreSQL. It is negative for a single-user server.
fn first_line_pid(file: &Path) -> Result<Option<i32>, EmbeddedError> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(text
            .lines()
            .next()
            .and_then(|line| line.trim().parse().ok())
            .map(i32::abs)
            // 0 and 1 would mean a process group and the system's first process.
            .filter(|&pid| pid > 1)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(EmbeddedError::file("read", file)(source)),
    }
}

/// Whether the process is a PostgreSQL server started on this cluster.
fn serves(pid: i32, cluster: &Path) -> bool {
    is_server_on(&command_line(pid), cluster)
}

fn is_server_on(arguments: &[String], cluster: &Path) -> bool {
    let program = arguments.first().map(PathBuf::from).unwrap_or_default();
    let is_server = program
        .file_name()
        .is_some_and(|name| name == "postgres" || name == "postmaster");
    is_server
        && arguments[1..]
            .iter()
            .any(|argument| Path::new(argument) == cluster)
}

/// The program and its arguments, empty where they cannot be read. Anyone may read them, unlike a process's working
/// directory, for which root in a container may lack the right.
fn command_line(pid: i32) -> Vec<String> {
    if let Ok(bytes) = fs::read(format!("/proc/{pid}/cmdline")) {
        return bytes
            .split(|&byte| byte == 0)
            .map(|argument| String::from_utf8_lossy(argument).into_owned())
            .collect();
    }
    // Systems without Linux's /proc.
    Command::new("ps")
        .args(["-ww", "-o", "command=", "-p", &pid.to_string()])
        .output()
        .map(|output| {
            String::from_utf8_lossy(&output.stdout)
                .split_whitespace()
                .map(str::to_owned)
                .collect()
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn arguments(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn only_a_server_on_this_cluster_is_taken_for_one() {
        let cluster = Path::new("/data/postgres");
        for (words, ours) in [
            (
                &[
                    "/usr/lib/postgresql/15/bin/postgres",
                    "-D",
                    "/data/postgres",
                ][..],
                true,
            ),
            (&["postgres", "-D", "/data/postgres/"], true),
            (&["postgres", "-D", "/data/postgres2"], false),
            (&["tail", "-f", "/data/postgres"], false),
            (&["postgres: checkpointer "], false),
            (&[], false),
        ] {
            assert_eq!(is_server_on(&arguments(words), cluster), ours, "{words:?}");
        }
    }

    #[test]
    fn the_process_id_is_read_from_what_postgresql_writes() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("postmaster.pid");
        for (text, pid) in [
            ("4711\n/data/postgres\n", Some(4711)),
            ("-4711\n/data/postgres\n", Some(4711)),
            ("", None),
            ("0\n", None),
            ("rubbish\n", None),
        ] {
            fs::write(&file, text).unwrap();
            assert_eq!(first_line_pid(&file).unwrap(), pid, "{text:?}");
        }
        assert_eq!(first_line_pid(&root.path().join("absent")).unwrap(), None);
    }

    #[test]
    fn a_process_that_ended_and_was_not_reaped_has_ended() {
        let mut child = Command::new("true").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        while !has_ended(pid) {
            std::thread::yield_now();
        }
        assert!(occupied(pid) || !Path::new("/proc").exists());
        child.wait().unwrap();
        assert!(has_ended(pid));
        assert!(!has_ended(i32::try_from(std::process::id()).unwrap()));
    }
}
