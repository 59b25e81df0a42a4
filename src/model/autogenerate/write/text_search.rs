//! Text search: configurations, dictionaries, parsers, templates.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Written;
use crate::model::{
    autogenerate::{
        annotations::address,
        names::{quoted, split_outside, without_arguments},
        object::{Object, changed},
    },
    schema::ObjectKind,
};

const PARSER: &[(&str, &str)] = &[
    ("START", "start"),
    ("GETTOKEN", "get token"),
    ("END", "end"),
    ("LEXTYPES", "token types"),
    ("HEADLINE", "headline"),
];

const TEMPLATE: &[(&str, &str)] = &[("INIT", "init"), ("LEXIZE", "lexize")];

pub(super) fn create(object: &Object<'_>) -> Written {
    let functions = |parts: &[(&str, &str)]| {
        let written = parts.iter().filter_map(|(part, property)| {
            let function = object.text(property).map(without_arguments)?;
            Some(format!("{part} = {function}"))
        });
        written.collect::<Vec<_>>().join(", ")
    };
    let parts = match object.kind() {
        ObjectKind::TextSearchConfiguration => {
            format!(
                "PARSER = {}",
                object.text("parser").ok_or("its parser is not known")?
            )
        }
        ObjectKind::TextSearchDictionary => {
            let options = object.text("options").filter(|options| !options.is_empty());
            let options = options.map_or_else(String::new, |options| format!(", {options}"));
            format!("TEMPLATE = {}{options}", object.text_or_empty("template"))
        }
        ObjectKind::TextSearchParser => functions(PARSER),
        _ => functions(TEMPLATE),
    };
    let main = format!("CREATE {} ({parts})", address(object));
    let mappings = added_mappings(object, mappings(object).into_iter().collect());
    Ok(std::iter::once(main).chain(mappings).collect())
}

pub(super) fn drop(object: &Object<'_>) -> String {
    format!("DROP {}", address(object))
}

pub(super) fn alter(old: &Object<'_>, new: &Object<'_>) -> Option<Vec<String>> {
    let mut statements = Vec::new();
    for property in changed(old, new) {
        match (new.kind(), property) {
            (ObjectKind::TextSearchConfiguration, "mappings") => {
                statements.extend(mapping_changes(old, new));
            }
            (ObjectKind::TextSearchDictionary, "options") => {
                let options =
                    option_changes(old.text_or_empty(property), new.text_or_empty(property));
                statements.push(format!("ALTER {} ({options})", address(new)));
            }
            _ => return None,
        }
    }
    Some(statements)
}

/// The dictionaries of each kind of token, as SQL lists them.
fn mappings<'a>(object: &Object<'a>) -> BTreeMap<&'a str, String> {
    let mappings = object.properties.get("mappings").and_then(Value::as_object);
    let dictionaries = |list: &Value| {
        let names = list
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        names.collect::<Vec<_>>().join(", ")
    };
    mappings
        .into_iter()
        .flatten()
        .map(|(token, list)| (token.as_str(), dictionaries(list)))
        .collect()
}

fn mapping_changes(old: &Object<'_>, new: &Object<'_>) -> Vec<String> {
    let (had, has) = (mappings(old), mappings(new));
    let gone: Vec<&str> = had
        .keys()
        .filter(|token| !has.contains_key(*token))
        .copied()
        .collect();
    let (changed, added): (Vec<_>, Vec<_>) = has
        .into_iter()
        .filter(|(token, list)| had.get(token) != Some(list))
        .partition(|(token, _)| had.contains_key(token));
    let mut statements = Vec::new();
    if !gone.is_empty() {
        statements.push(format!(
            "ALTER {} DROP MAPPING FOR {}",
            address(new),
            tokens(&gone)
        ));
    }
    statements.extend(by_dictionaries("ALTER", new, changed));
    statements.extend(added_mappings(new, added));
    statements
}

fn added_mappings(object: &Object<'_>, mappings: Vec<(&str, String)>) -> Vec<String> {
    by_dictionaries("ADD", object, mappings)
}

/// One statement for all kinds of token that have the same dictionaries.
fn by_dictionaries(verb: &str, object: &Object<'_>, mappings: Vec<(&str, String)>) -> Vec<String> {
    let mut by_list: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (token, list) in mappings {
        by_list.entry(list).or_default().push(token);
    }
    let statement = |(list, names): (String, Vec<&str>)| {
        format!(
            "ALTER {} {verb} MAPPING FOR {} WITH {list}",
            address(object),
            tokens(&names)
        )
    };
    by_list.into_iter().map(statement).collect()
}

fn tokens(names: &[&str]) -> String {
    let names = names.iter().map(|name| quoted(name));
    names.collect::<Vec<_>>().join(", ")
}

/// From `language = 'english', stopwords = 'english'` to another such list. An option that is named alone goes, one that is
/// set goes to the end: all are set, so that they stand in the order of the new list.
fn option_changes(old: &str, new: &str) -> String {
    let has = options(new);
    let gone = options(old)
        .into_keys()
        .filter(|name| !has.contains_key(name));
    let set = (!new.is_empty()).then_some(new);
    gone.chain(set).collect::<Vec<_>>().join(", ")
}

fn options(list: &str) -> BTreeMap<&str, &str> {
    let mut options = BTreeMap::new();
    let mut rest = list;
    while !rest.is_empty() {
        let (option, after) = split_outside(rest, ", ", '\'').unwrap_or((rest, ""));
        if let Some((name, value)) = option.split_once(" = ") {
            options.insert(name, value);
        }
        rest = after;
    }
    options
}
