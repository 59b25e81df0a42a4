//! Collations, conversions, casts and transforms.

use super::Written;
use crate::model::{
    autogenerate::{
        annotations::address,
        names::without_arguments,
        object::{Object, changed, literal},
    },
    schema::ObjectKind,
};

pub(super) fn create(object: &Object<'_>) -> Written {
    Ok(vec![match object.kind() {
        ObjectKind::Collation => collation(object)?,
        ObjectKind::Conversion => conversion(object),
        ObjectKind::Cast => cast(object),
        _ => format!("CREATE {}", transform(object)),
    }])
}

pub(super) fn drop(object: &Object<'_>) -> String {
    format!("DROP {}", address(object))
}

pub(super) fn alter(old: &Object<'_>, new: &Object<'_>) -> Option<Vec<String>> {
    match changed(old, new).is_empty() {
        true => Some(Vec::new()),
        false if new.kind() == ObjectKind::Transform => {
            Some(vec![format!("CREATE OR REPLACE {}", transform(new))])
        }
        false => None,
    }
}

/// Where a provider has its locale differs between versions of PostgreSQL.
fn collation(object: &Object<'_>) -> Result<String, String> {
    let provider = object.text_or_empty("provider");
    if provider == "default" {
        return Err("no statement makes a collation like the database's own".to_owned());
    }
    let mut options = vec![format!("PROVIDER = {provider}")];
    let (collate, ctype) = (object.text("lc_collate"), object.text("lc_ctype"));
    let locale = object
        .text("locale")
        .or_else(|| collate.filter(|_| collate == ctype));
    let mut option = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            options.push(format!("{name} = {}", literal(value)));
        }
    };
    option("LOCALE", locale);
    if locale.is_none() {
        option("LC_COLLATE", collate);
        option("LC_CTYPE", ctype);
    }
    option("RULES", object.text("rules"));
    if !object.flag("deterministic") {
        options.push("DETERMINISTIC = false".to_owned());
    }
    Ok(format!(
        "CREATE {} ({})",
        address(object),
        options.join(", ")
    ))
}

fn conversion(object: &Object<'_>) -> String {
    let default = if object.flag("default") {
        "DEFAULT "
    } else {
        ""
    };
    format!(
        "CREATE {default}{} FOR {} TO {} FROM {}",
        address(object),
        literal(object.text_or_empty("from")),
        literal(object.text_or_empty("to")),
        without_arguments(object.text_or_empty("function"))
    )
}

fn cast(object: &Object<'_>) -> String {
    let method = match (object.text_or_empty("method"), object.text("function")) {
        (_, Some(function)) => format!("WITH FUNCTION {function}"),
        ("input and output", None) => "WITH INOUT".to_owned(),
        (_, None) => "WITHOUT FUNCTION".to_owned(),
    };
    let context = match object.text_or_empty("context") {
        "assignment" => " AS ASSIGNMENT",
        "implicit" => " AS IMPLICIT",
        _ => "",
    };
    format!("CREATE {} {method}{context}", address(object))
}

fn transform(object: &Object<'_>) -> String {
    let direction = |keyword: &str, property| {
        let function = object.text(property);
        function.map(|function| format!("{keyword} SQL WITH FUNCTION {function}"))
    };
    let directions: Vec<String> = [direction("FROM", "from sql"), direction("TO", "to sql")]
        .into_iter()
        .flatten()
        .collect();
    format!("{} ({})", address(object), directions.join(", "))
}
