//! Context: who calls which method with what, carried by every call, the scheduler's too.

use std::net::SocketAddr;

use serde_json::Value;

use crate::model::{
    failure::{Failure, Kind},
    method::{Method, Role},
};

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The name that logs and records show.
    pub name: String,
    /// What it may do.
    pub role: Role,
}

impl Principal {
    /// The in-process scheduler: it may do whatever a job needs, and is recorded under this name.
    pub fn scheduler() -> Self {
        Self {
            name: "scheduler".to_owned(),
            role: Role::Operator,
        }
    }
}

/// One call.
#[derive(Clone, Debug)]
pub struct Context {
    /// Who calls.
    pub principal: Principal,
    /// From where; `None` for the scheduler.
    pub peer: Option<SocketAddr>,
    /// Which method.
    pub method: Method,
    /// With what: the request as JSON by the proto3 mapping.
    pub request: Value,
}

impl Context {
    /// Refuses the call when the principal's role is less than the method's. The first line of every operation, directly
    /// or through `audited`.
    pub fn authorize(&self) -> Result<(), Failure> {
        let needed = self.method.role();
        if self.principal.role >= needed {
            return Ok(());
        }
        Err(Failure::new(
            Kind::PermissionDenied,
            "ROLE_TOO_LOW",
            format!(
                "{} needs the role {needed}, {:?} has {}",
                self.method.name(),
                self.principal.name,
                self.principal.role
            ),
        )
        .with_hint("call with the token of a principal that has the role"))
    }
}
