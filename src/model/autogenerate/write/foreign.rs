//! Foreign-data wrappers, foreign servers and user mappings, and the options of all that is foreign.

use std::collections::BTreeMap;

use super::Written;
use crate::model::{
    autogenerate::{
        annotations::address,
        names::{quoted, without_arguments},
        object::{Object, changed, literal},
    },
    schema::ObjectKind,
};

/// What the reader shows instead of a secret.
const NOT_SHOWN: &str = "(not shown)";

pub(super) fn create(object: &Object<'_>) -> Written {
    let address = address(object);
    let mut statement = match object.kind() {
        ObjectKind::ForeignDataWrapper => {
            let function = |keyword: &str, property| {
                let function = object.text(property).map(without_arguments);
                function.map_or_else(String::new, |name| format!(" {keyword} {name}"))
            };
            format!(
                "CREATE {address}{}{}",
                function("HANDLER", "handler"),
                function("VALIDATOR", "validator")
            )
        }
        ObjectKind::ForeignServer => {
            let given = |keyword: &str, property| {
                let text = object.text(property);
                text.map_or_else(String::new, |text| format!(" {keyword} {}", literal(text)))
            };
            let wrapper = object.text_or_empty("wrapper");
            let (kind, version) = (given("TYPE", "type"), given("VERSION", "version"));
            format!("CREATE {address}{kind}{version} FOREIGN DATA WRAPPER {wrapper}")
        }
        _ => format!("CREATE {address}"),
    };
    // Those of a user mapping are no part of the schema, since not every role sees them.
    let given = match object.kind() {
        ObjectKind::UserMapping => object.detail_list("options"),
        _ => object.list("options"),
    };
    if let Some(options) = options(&given)? {
        statement = format!("{statement} {options}");
    }
    Ok(vec![statement])
}

pub(super) fn drop(object: &Object<'_>) -> String {
    format!("DROP {}", address(object))
}

pub(super) fn alter(old: &Object<'_>, new: &Object<'_>) -> Option<Vec<String>> {
    let mut clauses = Vec::new();
    for property in changed(old, new) {
        clauses.push(match (new.kind(), property) {
            (_, "options") => options_change(&old.list(property), &new.list(property))?,
            (ObjectKind::ForeignServer, "version") => {
                let version = new
                    .text(property)
                    .map_or_else(|| "NULL".to_owned(), literal);
                format!("VERSION {version}")
            }
            (ObjectKind::ForeignDataWrapper, "handler" | "validator") => {
                let keyword = property.to_uppercase();
                let function = new.text(property).map(without_arguments);
                function.map_or_else(
                    || format!("NO {keyword}"),
                    |name| format!("{keyword} {name}"),
                )
            }
            _ => return None,
        });
    }
    if clauses.is_empty() {
        return Some(Vec::new());
    }
    // Options stand last.
    clauses.sort_by_key(|clause| clause.starts_with("OPTIONS"));
    Some(vec![format!(
        "ALTER {} {}",
        address(new),
        clauses.join(" ")
    )])
}

/// The clause `OPTIONS (…)` of something that is made, of a list such as `["host=db"]`; `None` of an empty one. A secret
/// cannot be written.
pub(super) fn options(list: &[&str]) -> Result<Option<String>, String> {
    let mut written = Vec::new();
    for (name, value) in by_name(list) {
        if is_secret(name, value) {
            return Err(format!(
                "the value of its option {name:?} is a secret, which is not read"
            ));
        }
        written.push(format!("{} {}", quoted(name), literal(value)));
    }
    Ok((!written.is_empty()).then(|| format!("OPTIONS ({})", written.join(", "))))
}

/// The clause `OPTIONS (…)` that changes one list to the other; `None` where nothing differs, or a secret would have to be
/// written.
pub(super) fn options_change(old: &[&str], new: &[&str]) -> Option<String> {
    let (old, new) = (by_name(old), by_name(new));
    let mut steps = Vec::new();
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        steps.push(format!("DROP {}", quoted(name)));
    }
    for (name, value) in new {
        let verb = match old.get(name) {
            Some(before) if *before == value => continue,
            Some(_) => "SET",
            None => "ADD",
        };
        if is_secret(name, value) {
            return None;
        }
        steps.push(format!("{verb} {} {}", quoted(name), literal(value)));
    }
    (!steps.is_empty()).then(|| format!("OPTIONS ({})", steps.join(", ")))
}

fn by_name<'a>(list: &[&'a str]) -> BTreeMap<&'a str, &'a str> {
    list.iter()
        .filter_map(|option| option.split_once('='))
        .collect()
}

fn is_secret(name: &str, value: &str) -> bool {
    let name = name.to_lowercase();
    value == NOT_SHOWN
        && ["password", "passwd", "secret"]
            .iter()
            .any(|word| name.contains(word))
}
