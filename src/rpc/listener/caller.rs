//! Caller: what a connection says of who stands behind it. Each request of the connection carries it.

use std::sync::Arc;

use super::{
    certificate::Names,
    seats::{InCall, Seat, Seating},
};
use crate::model::peer::Peer;

/// An account of this machine, as its directory of accounts says.
#[derive(Clone, Debug, Default)]
pub(in crate::rpc) struct Account {
    /// Its number.
    pub(in crate::rpc) uid: u32,
    /// Its name; none where the number has no name.
    pub(in crate::rpc) user: Option<String>,
    /// The names of the groups that it is in.
    pub(in crate::rpc) groups: Vec<String>,
}

/// Who stands behind a connection, as far as it tells.
#[derive(Clone, Debug)]
pub(in crate::rpc) struct Caller {
    /// From where it comes.
    pub(in crate::rpc) peer: Peer,
    /// The names of the certificate that it showed, which one of our roots has signed.
    pub(in crate::rpc) certificate: Option<Arc<Names>>,
    /// The account behind a Unix connection.
    pub(in crate::rpc) account: Option<Arc<Account>>,
    seating: Arc<Seating>,
}

impl Caller {
    pub(super) fn new(peer: Peer, seat: &Seat) -> Self {
        Self {
            peer,
            certificate: None,
            account: None,
            seating: seat.seating(),
        }
    }

    /// Whoever shows a certificate that one of our roots has signed keeps its seat from the beginning.
    pub(super) fn with_certificate(self, names: Option<Names>) -> Self {
        if names.is_some() {
            self.prove();
        }
        Self {
            certificate: names.map(Arc::new),
            ..self
        }
    }

    pub(super) fn with_account(self, account: Account) -> Self {
        Self {
            account: Some(Arc::new(account)),
            ..self
        }
    }

    /// Notes that a call of the connection has begun; it ends with what is given.
    pub(in crate::rpc) fn begin_call(&self) -> InCall {
        self.seating.begin_call()
    }

    /// Notes that the connection made a good call: it keeps its seat.
    pub(in crate::rpc) fn prove(&self) {
        self.seating.prove();
    }

    /// Notes that the connection made a call that everyone may make: it stays while no other needs its seat.
    pub(in crate::rpc) fn note_probe(&self) {
        self.seating.note_probe();
    }
}
