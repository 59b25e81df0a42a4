//! Tokens: callers with one role each, beside or in place of the caller without a token.

use pgsteward::{model::method::Role, storage::hexadecimal};
use sha2::{Digest as _, Sha256};

use super::Site;

/// Every role, the least first.
pub(crate) const ROLES: [Role; 3] = [Role::Viewer, Role::Operator, Role::Admin];

/// The token of the principal that is named like the role.
pub(crate) fn token(role: Role) -> String {
    format!("pgs-{role}-5f0c2e7d")
}

/// Makes the daemons that are started from now on know one principal for each role, and nobody without a token.
pub(crate) fn require(site: &mut Site) {
    for (place, role) in ROLES.into_iter().enumerate() {
        let key = |name: &str| format!("auth.tokens.{place}.{name}");
        let digest = hexadecimal(Sha256::new_with_prefix(token(role)));
        site.set(&key("name"), &role.to_string());
        site.set(&key("role"), &role.to_string());
        site.set(&key("sha256"), &digest);
    }
}
