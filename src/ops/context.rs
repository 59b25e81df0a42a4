//! Context: who calls which method with what, carried by every call, the scheduler's too.

use serde_json::Value;

use crate::model::{
    failure::{Failure, Kind},
    method::{Method, Role},
    peer::Peer,
    permission::{Reach, Rights, Scope},
};

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The name that logs and records show.
    pub name: String,
    /// What it may do, on which databases.
    pub rights: Rights,
}

impl Principal {
    /// The in-process scheduler: it may do whatever a job needs, and is recorded under this name.
    pub fn scheduler() -> Self {
        Self {
            name: "scheduler".to_owned(),
            rights: Rights::everywhere(Role::Operator),
        }
    }
}

/// One call.
#[derive(Clone, Debug)]
pub struct Context {
    /// Who calls.
    pub principal: Principal,
    /// From where.
    pub peer: Peer,
    /// Which method.
    pub method: Method,
    /// With what: the request as JSON by the proto3 mapping.
    pub request: Value,
}

impl Context {
    /// Refuses the call when the principal lacks the method's role on what it is about. The first line of every operation,
    /// directly, through `Daemon::authorized` or through `audited`. The refusal repeats what the caller said and tells
    /// nothing of what exists.
    pub fn authorize(&self, scope: &Scope) -> Result<(), Failure> {
        self.authorize_as(self.method.role(), scope)
    }

    /// The same where what the call is about wants another role than the method does by itself.
    pub fn authorize_as(&self, needed: Role, scope: &Scope) -> Result<(), Failure> {
        let Principal { name, rights } = &self.principal;
        if rights.allow(needed, scope) {
            return Ok(());
        }
        let about = match scope {
            Scope::Database(named) if named.is_empty() => " on every database".to_owned(),
            Scope::Database(named) => format!(" on database {named:?}"),
            Scope::Thing(_) => " on the database that it is about".to_owned(),
            Scope::Everything => " on every database".to_owned(),
            Scope::Any => String::new(),
        };
        let hint = match scope {
            Scope::Database(named) if named.is_empty() => "name the database in the call",
            _ => "call as a principal that has the role",
        };
        Err(Failure::new(
            Kind::PermissionDenied,
            "ROLE_TOO_LOW",
            format!(
                "{} needs the role {needed}{about}, {name:?} has {rights}",
                self.method.name(),
            ),
        )
        .with_hint(hint))
    }

    /// What a list may show of what there is, which belongs to databases; refuses a principal that may see none of them.
    pub fn reach(&self) -> Result<Reach, Failure> {
        self.authorize(&Scope::Any)?;
        Ok(self.principal.rights.reach(self.method.role()))
    }

    /// The same of a list that may be asked for one database.
    pub fn reach_of(&self, database: Option<&str>) -> Result<Reach, Failure> {
        let Some(database) = database else {
            return self.reach();
        };
        self.authorize(&Scope::Database(database.to_owned()))?;
        Ok(Reach::Databases([database.to_owned()].into()))
    }
}
