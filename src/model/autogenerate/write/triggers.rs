//! Triggers, rules and event triggers.

use super::{
    Written,
    common::{enabling, extension_dependencies},
};
use crate::model::{
    autogenerate::{
        annotations::address,
        object::{Object, changed, literal},
    },
    schema::ObjectKind,
};

/// What a partition has from its parent comes and goes with that: to make it is no statement, unless it is to fire
/// differently from how it comes.
pub(super) fn create(object: &Object<'_>) -> Written {
    let mut statements = Vec::new();
    if !is_inherited(object) {
        statements.push(match object.kind() {
            ObjectKind::EventTrigger => event_trigger(object),
            _ => definition(object)?.to_owned(),
        });
        let extensions = object.list("depends on extensions");
        statements.extend(extension_dependencies(&address(object), &[], &extensions));
    }
    if object.text("enabled") != Some("origin") {
        statements.push(enable(object));
    }
    Ok(statements)
}

/// Empty, which is no statement, for what goes with that of its parent.
pub(super) fn drop(object: &Object<'_>) -> String {
    if is_inherited(object) {
        return String::new();
    }
    format!("DROP {}", address(object))
}

/// Triggers are made again with another definition: not all PostgreSQL versions replace them, and none replaces those that
/// serve as constraints.
pub(super) fn alter(old: &Object<'_>, new: &Object<'_>) -> Option<Vec<String>> {
    if is_inherited(old) != is_inherited(new) {
        return None;
    }
    let mut statements = Vec::new();
    for property in changed(old, new) {
        match property {
            "definition" if new.kind() == ObjectKind::Rule => {
                let rest = definition(new).ok()?.strip_prefix("CREATE ")?;
                statements.insert(0, format!("CREATE OR REPLACE {rest}"));
            }
            "enabled" => statements.push(enable(new)),
            "depends on extensions" => statements.extend(extension_dependencies(
                &address(new),
                &old.list(property),
                &new.list(property),
            )),
            _ => return None,
        }
    }
    Some(statements)
}

fn is_inherited(object: &Object<'_>) -> bool {
    object.text("origin") == Some("inherited")
}

fn definition<'a>(object: &Object<'a>) -> Result<&'a str, String> {
    let definition = object
        .text("definition")
        .ok_or("its definition is not known")?;
    Ok(definition.trim_end().trim_end_matches(';'))
}

fn event_trigger(object: &Object<'_>) -> String {
    let tags: Vec<String> = object.list("tags").into_iter().map(literal).collect();
    let tags = match tags.as_slice() {
        [] => String::new(),
        tags => format!(" WHEN TAG IN ({})", tags.join(", ")),
    };
    format!(
        "CREATE EVENT TRIGGER {} ON {}{tags} EXECUTE FUNCTION {}",
        object.identity(),
        object.text_or_empty("event"),
        object.text_or_empty("function")
    )
}

/// Of a partitioned table only its own trigger is meant: those of its partitions are objects of their own.
fn enable(object: &Object<'_>) -> String {
    let verb = enabling(object.text_or_empty("enabled"));
    let (name, on) = (object.name(), object.on().unwrap_or_default());
    match object.kind() {
        ObjectKind::EventTrigger => format!("ALTER EVENT TRIGGER {name} {verb}"),
        ObjectKind::Rule => format!("ALTER TABLE {on} {verb} RULE {name}"),
        _ => format!("ALTER TABLE ONLY {on} {verb} TRIGGER {name}"),
    }
}
