//! What several writers write alike.

use crate::model::autogenerate::names::{quoted, without_arguments};

/// Brings the extensions that an object goes with from one list to another; `address` is e.g. `FUNCTION public.f()`.
pub(super) fn extension_dependencies(address: &str, old: &[&str], new: &[&str]) -> Vec<String> {
    let gone = old
        .iter()
        .filter(|name| !new.contains(name))
        .map(|name| ("NO ", name));
    let added = new
        .iter()
        .filter(|name| !old.contains(name))
        .map(|name| ("", name));
    gone.chain(added)
        .map(|(no, name)| format!("ALTER {address} {no}DEPENDS ON EXTENSION {}", quoted(name)))
        .collect()
}

/// An operator as other objects name it: `OPERATOR(public.<)` for `public.<(integer,integer)`.
pub(super) fn operator_reference(operator: &str) -> String {
    let name = without_arguments(operator);
    let name = if name.contains('.') {
        name.to_owned()
    } else {
        format!("pg_catalog.{name}")
    };
    format!("OPERATOR({name})")
}

/// The verb with which something fires as far as `enabled` says.
pub(super) fn enabling(enabled: &str) -> &'static str {
    match enabled {
        "disabled" => "DISABLE",
        "replica" => "ENABLE REPLICA",
        "always" => "ENABLE ALWAYS",
        _ => "ENABLE",
    }
}
