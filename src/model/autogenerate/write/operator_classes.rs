//! Operator classes and families. A class's family is an object of its own and there before it. Members that belong to no
//! class are the family's, such as those for two types, and the operators of GiST.

use super::Written;
use crate::model::{
    autogenerate::{
        annotations::address,
        names::{arguments, split},
        object::{Object, changed},
    },
    schema::ObjectKind,
};

const MEMBERS: [(&str, &str); 2] = [("OPERATOR", "operators"), ("FUNCTION", "functions")];

pub(super) fn create(object: &Object<'_>) -> Written {
    if object.kind() == ObjectKind::OperatorClass {
        return Ok(vec![class(object)?]);
    }
    let made = (!is_built_in(object)).then(|| format!("CREATE {}", address(object)));
    let members = members(object);
    Ok(made.into_iter().chain(added(object, &members)).collect())
}

/// Of a family of PostgreSQL's own only what was added to it is dropped.
pub(super) fn drop(object: &Object<'_>) -> String {
    if is_built_in(object) {
        return removed(object, &members(object)).unwrap_or_default();
    }
    format!("DROP {}", address(object))
}

pub(super) fn alter(old: &Object<'_>, new: &Object<'_>) -> Option<Vec<String>> {
    if new.kind() == ObjectKind::OperatorClass {
        return changed(old, new).is_empty().then(Vec::new);
    }
    let (had, has) = (members(old), members(new));
    let without = |list: &[String], other: &[String]| -> Vec<String> {
        list.iter()
            .filter(|member| !other.contains(member))
            .cloned()
            .collect()
    };
    let removed = removed(new, &without(&had, &has));
    Some(
        removed
            .into_iter()
            .chain(added(new, &without(&has, &had)))
            .collect(),
    )
}

fn is_built_in(object: &Object<'_>) -> bool {
    object.text("schema") == Some("pg_catalog")
}

fn class(object: &Object<'_>) -> Result<String, String> {
    let (name, method) =
        split(object.identity(), " using ").ok_or("its access method cannot be read")?;
    let default = if object.flag("default") {
        " DEFAULT"
    } else {
        ""
    };
    let kind = object.text_or_empty("type");
    let mut parts = members(object);
    match object.text("storage") {
        Some(storage) => parts.push(format!("STORAGE {storage}")),
        // A class cannot be made of nothing; what it stores is then what it is for.
        None if parts.is_empty() => parts.push(format!("STORAGE {kind}")),
        None => {}
    }
    Ok(format!(
        "CREATE OPERATOR CLASS {name}{default} FOR TYPE {kind} USING {method} FAMILY {} AS\n    {}",
        object.text_or_empty("family"),
        parts.join(",\n    ")
    ))
}

/// `OPERATOR 1 public.<(integer,integer)`, `FUNCTION 1 (integer, integer) public.compare(integer,integer)`.
fn members(object: &Object<'_>) -> Vec<String> {
    let of = |(keyword, property)| {
        let members = object.list(property).into_iter();
        members.map(move |member| format!("{keyword} {member}"))
    };
    MEMBERS.into_iter().flat_map(of).collect()
}

fn added(family: &Object<'_>, members: &[String]) -> Option<String> {
    let statement = format!(
        "ALTER {} ADD\n    {}",
        address(family),
        members.join(",\n    ")
    );
    (!members.is_empty()).then_some(statement)
}

/// Members go by their number and types: `OPERATOR 1 (integer, integer)`.
fn removed(family: &Object<'_>, members: &[String]) -> Option<String> {
    let slot = |member: &String| {
        let mut words = member.splitn(3, ' ');
        let (keyword, number) = (words.next()?, words.next()?);
        let types = arguments(words.next()?);
        let types = split(types, ")").map_or(types, |(types, _)| types);
        Some(format!("{keyword} {number} {types})"))
    };
    let slots: Vec<String> = members.iter().filter_map(slot).collect();
    let statement = format!(
        "ALTER {} DROP\n    {}",
        address(family),
        slots.join(",\n    ")
    );
    (!slots.is_empty()).then_some(statement)
}
