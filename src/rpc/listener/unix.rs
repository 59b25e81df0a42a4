//! The Unix socket: made so that it has its permissions from its first moment, taken over when its daemon died, and left
//! alone while another daemon listens on it. A lock beside it tells the two apart.

use std::{
    ffi::CString,
    fs::{self, File, Permissions, TryLockError},
    io,
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
    path::PathBuf,
};

use nix::unistd::{Gid, Group, Uid, User, getgrouplist};
use tokio::net::UnixListener;

use super::{ListenError, caller::Account};

/// A Unix socket to listen on.
#[derive(Clone, Debug)]
pub struct UnixSocket {
    /// Its path.
    pub path: PathBuf,
    /// Its permission bits.
    pub mode: u32,
}

/// The socket is this process's own while this is held.
pub(super) struct Held {
    path: PathBuf,
    _lock: File,
}

impl Held {
    /// Removes the socket, so that nobody knocks in vain.
    pub(super) fn release(self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(path = %self.path.display(), %error, "the Unix socket was gone already");
        }
    }
}

/// Makes the socket. A socket that a dead daemon left is replaced; anything else that stands there is not.
pub(super) fn bind(socket: &UnixSocket) -> Result<(UnixListener, Held), ListenError> {
    make(socket).map_err(|source| ListenError::Unix {
        path: socket.path.clone(),
        source,
    })
}

fn make(socket: &UnixSocket) -> io::Result<(UnixListener, Held)> {
    let beside = |suffix: &str| {
        let mut name = socket.path.clone().into_os_string();
        name.push(suffix);
        PathBuf::from(name)
    };
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(beside(".lock"))?;
    lock.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => {
            io::Error::new(io::ErrorKind::AddrInUse, "another daemon listens on it")
        }
        TryLockError::Error(error) => error,
    })?;
    match fs::symlink_metadata(&socket.path) {
        Ok(found) if !found.file_type().is_socket() => {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "what stands there is no socket",
            ));
        }
        _ => {}
    }
    // Made under another name: under its own it is seen with its permissions or not at all.
    let new = beside(".new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&new)?;
    fs::set_permissions(&new, Permissions::from_mode(socket.mode))?;
    fs::rename(&new, &socket.path)?;
    let held = Held {
        path: socket.path.clone(),
        _lock: lock,
    };
    Ok((listener, held))
}

/// The account of a number, with its groups. What the directory of accounts does not know is left out.
pub(super) async fn account(uid: u32, gid: u32) -> Account {
    let looked = tokio::task::spawn_blocking(move || look_up(uid, gid)).await;
    looked.unwrap_or_else(|_| Account {
        uid,
        ..Account::default()
    })
}

fn look_up(uid: u32, gid: u32) -> Account {
    let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    let primary = Gid::from_raw(gid);
    let name = user.as_ref().map(|user| user.name.clone());
    let listed = name
        .as_ref()
        .and_then(|name| CString::new(name.as_str()).ok())
        .and_then(|name| getgrouplist(&name, primary).ok());
    let groups = listed.unwrap_or_else(|| vec![primary]);
    let names = groups
        .into_iter()
        .filter_map(|group| Group::from_gid(group).ok().flatten())
        .map(|group| group.name);
    Account {
        uid,
        groups: names.collect(),
        user: name,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn a_socket_is_taken_over_from_the_dead_and_not_from_the_living_nor_from_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let socket = UnixSocket {
            path: directory.path().join("s"),
            mode: 0o600,
        };
        // As a killed daemon leaves it: the socket stands and its lock is free.
        drop(UnixListener::bind(&socket.path).unwrap());
        let (_listener, held) = make(&socket).unwrap();
        let mode = fs::metadata(&socket.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let error = make(&socket).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        held.release();
        assert!(!socket.path.exists());
        fs::write(&socket.path, "text").unwrap();
        let error = make(&socket).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&socket.path).unwrap(), "text");
    }

    #[tokio::test]
    async fn an_account_is_known_by_its_name_and_its_groups() {
        let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
        let account = account(uid.as_raw(), gid.as_raw()).await;
        assert_eq!(
            account.user,
            User::from_uid(uid).unwrap().map(|user| user.name)
        );
        let group = Group::from_gid(gid).unwrap().unwrap().name;
        assert!(account.groups.contains(&group), "{account:?}");
    }
}
