//! Peer: from where a call comes, as the audit log and the request log show it.

use std::{fmt, net::SocketAddr};

/// From where a call comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Peer {
    /// From within the daemon: the scheduler. Shown as nothing.
    #[default]
    Daemon,
    /// Over TCP. Shown as address and port.
    Tcp(SocketAddr),
    /// Over the Unix socket, from a process of an account as the kernel says. Shown as `unix:uid=1000,pid=4711`.
    Unix {
        /// The account's number.
        uid: u32,
        /// The process's number, where the kernel tells it.
        pid: Option<i32>,
    },
}

impl fmt::Display for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Daemon => Ok(()),
            Self::Tcp(address) => address.fmt(formatter),
            Self::Unix { uid, pid: None } => write!(formatter, "unix:uid={uid}"),
            Self::Unix {
                uid,
                pid: Some(pid),
            } => write!(formatter, "unix:uid={uid},pid={pid}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_shown_as_what_tells_it_from_others() {
        assert_eq!(Peer::Daemon.to_string(), "");
        let address = SocketAddr::from(([127, 0, 0, 1], 7432));
        assert_eq!(Peer::Tcp(address).to_string(), "127.0.0.1:7432");
        let unix = |pid| Peer::Unix { uid: 1000, pid }.to_string();
        assert_eq!(unix(None), "unix:uid=1000");
        assert_eq!(unix(Some(4711)), "unix:uid=1000,pid=4711");
    }
}
