//! Functions, procedures, window functions and aggregates.

use super::{
    Written,
    common::{extension_dependencies, operator_reference},
};
use crate::model::autogenerate::{
    annotations::{address, signature},
    names::without_arguments,
    object::{Object, changed, literal},
};

const REPLACE: &str = "CREATE OR REPLACE ";

/// PostgreSQL writes out all but aggregates.
pub(super) fn create(object: &Object<'_>) -> Written {
    let main = match object.text("definition") {
        Some(definition) => {
            let definition = definition.trim_end();
            let rest = definition
                .strip_prefix(REPLACE)
                .unwrap_or(definition.trim_start_matches("CREATE "));
            format!("CREATE {rest}")
        }
        None if object.text("kind") == Some("aggregate") => aggregate(object),
        None => return Err("its definition is not known".to_owned()),
    };
    let depends =
        extension_dependencies(&address(object), &[], &object.list("depends on extensions"));
    Ok([vec![main], depends].concat())
}

pub(super) fn drop(object: &Object<'_>) -> String {
    format!("DROP {}", address(object))
}

/// A new definition takes the place of the old one where its callers cannot tell the two apart by their signatures.
pub(super) fn alter(old: &Object<'_>, new: &Object<'_>) -> Option<Vec<String>> {
    let mut changed = changed(old, new);
    changed.remove("depends on extensions");
    let mut statements = Vec::new();
    // What depended on an extension does not any more when it is replaced.
    let mut depended = old.list("depends on extensions");
    let depends = new.list("depends on extensions");
    let gone: Vec<&str> = depended
        .iter()
        .copied()
        .filter(|name| !depends.contains(name))
        .collect();
    if changed.remove("definition") {
        if !may_replace(old, new) {
            return None;
        }
        statements.push(new.text("definition")?.trim_end().to_owned());
        depended = gone;
    }
    statements.extend(extension_dependencies(&address(new), &depended, &depends));
    changed.is_empty().then_some(statements)
}

fn may_replace(old: &Object<'_>, new: &Object<'_>) -> bool {
    let same_detail = |name| old.detail(name) == new.detail(name);
    let same_list = |name| old.detail_list(name) == new.detail_list(name);
    old.text("kind") == new.text("kind")
        && same_detail("result")
        && same_list("argument modes")
        && same_list("argument types")
        && same_names(old, new)
        && new.detail_number("defaults") >= old.detail_number("defaults")
}

/// Callers may use the names of arguments, so that none is changed; what had none may be given one. The names of what comes
/// out are part of the result's type.
fn same_names(old: &Object<'_>, new: &Object<'_>) -> bool {
    let (old_names, new_names) = (
        old.detail_list("argument names"),
        new.detail_list("argument names"),
    );
    let modes = new.detail_list("argument modes");
    (0..old_names.len().max(new_names.len())).all(|place| {
        let old_name = old_names.get(place).copied().unwrap_or_default();
        let new_name = new_names.get(place).copied().unwrap_or_default();
        let comes_in_only = matches!(modes.get(place), None | Some(&"i" | &"v"));
        old_name == new_name || old_name.is_empty() && comes_in_only
    })
}

fn aggregate(object: &Object<'_>) -> String {
    let mut parts = Vec::new();
    let of_function = |property| object.text(property).map(without_arguments);
    let mut part = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            parts.push(format!("{name} = {value}"));
        }
    };
    part("SFUNC", of_function("state function"));
    part("STYPE", object.text("state type"));
    part("SSPACE", size(object, "state size").as_deref());
    part("FINALFUNC", of_function("final function"));
    part(
        "FINALFUNC_MODIFY",
        modifies(object, "final function modifies"),
    );
    part("COMBINEFUNC", of_function("combine function"));
    part("SERIALFUNC", of_function("serialization function"));
    part("DESERIALFUNC", of_function("deserialization function"));
    part("INITCOND", initial(object, "initial state").as_deref());
    part("MSFUNC", of_function("moving state function"));
    part("MINVFUNC", of_function("moving inverse function"));
    part("MSTYPE", object.text("moving state type"));
    part("MSSPACE", size(object, "moving state size").as_deref());
    part("MFINALFUNC", of_function("moving final function"));
    part(
        "MFINALFUNC_MODIFY",
        modifies(object, "moving final function modifies"),
    );
    part(
        "MINITCOND",
        initial(object, "moving initial state").as_deref(),
    );
    let sort_operator = object.text("sort operator").map(operator_reference);
    part("SORTOP", sort_operator.as_deref());
    part("PARALLEL", object.text("parallel"));
    let flags = [
        (
            "FINALFUNC_EXTRA",
            object.flag("final function takes all arguments"),
        ),
        (
            "MFINALFUNC_EXTRA",
            object.flag("moving final function takes all arguments"),
        ),
        (
            "HYPOTHETICAL",
            object.text("aggregate kind") == Some("hypothetical set"),
        ),
    ];
    parts.extend(
        flags
            .into_iter()
            .filter(|(_, set)| *set)
            .map(|(flag, _)| flag.to_owned()),
    );
    format!(
        "CREATE AGGREGATE {} (\n    {}\n)",
        signature(object),
        parts.join(",\n    ")
    )
}

fn size(object: &Object<'_>, property: &str) -> Option<String> {
    let size = object.number(property).filter(|size| *size != 0);
    size.map(|size| size.to_string())
}

fn initial(object: &Object<'_>, property: &str) -> Option<String> {
    object.text(property).map(literal)
}

fn modifies(object: &Object<'_>, property: &str) -> Option<&'static str> {
    match object.text(property)? {
        "read only" => Some("READ_ONLY"),
        "shareable" => Some("SHAREABLE"),
        _ => Some("READ_WRITE"),
    }
}
