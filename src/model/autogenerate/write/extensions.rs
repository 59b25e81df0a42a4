//! Extensions, languages and access methods.

use super::Written;
use crate::model::{
    autogenerate::{
        annotations::address,
        names::without_arguments,
        object::{Object, changed, literal},
    },
    schema::ObjectKind,
};

/// An extension comes in the version that the server has for its default, unless it is another one that is declared.
pub(super) fn create(object: &Object<'_>) -> Written {
    Ok(vec![match object.kind() {
        ObjectKind::Extension => {
            let version = object.text("version");
            let version =
                version.filter(|version| object.detail("default version") != Some(*version));
            let version = version.map(|version| format!(" VERSION {}", literal(version)));
            format!(
                "CREATE {} WITH SCHEMA {}{}",
                address(object),
                object.text_or_empty("schema"),
                version.unwrap_or_default()
            )
        }
        ObjectKind::Language => format!("CREATE {}", language(object)),
        _ => format!(
            "CREATE {} TYPE {} HANDLER {}",
            address(object),
            object.text_or_empty("type").to_uppercase(),
            without_arguments(object.text("handler").ok_or("its handler is not known")?)
        ),
    }])
}

pub(super) fn drop(object: &Object<'_>) -> String {
    format!("DROP {}", address(object))
}

pub(super) fn alter(old: &Object<'_>, new: &Object<'_>) -> Option<Vec<String>> {
    let mut changed = changed(old, new);
    let mut statements = Vec::new();
    match new.kind() {
        ObjectKind::Extension => {
            if changed.remove("version") {
                let version = new.text("version")?;
                if !old.detail_list("updates").contains(&version) {
                    return None;
                }
                let version = literal(version);
                statements.push(format!("ALTER {} UPDATE TO {version}", address(new)));
            }
            if old.text("schema") != new.text("schema") {
                statements.push(format!(
                    "ALTER {} SET SCHEMA {}",
                    address(new),
                    new.text("schema")?
                ));
            }
        }
        ObjectKind::Language if !changed.is_empty() => {
            changed.clear();
            statements.push(format!("CREATE OR REPLACE {}", language(new)));
        }
        _ => {}
    }
    changed.is_empty().then_some(statements)
}

fn language(object: &Object<'_>) -> String {
    let trusted = if object.flag("trusted") {
        "TRUSTED "
    } else {
        ""
    };
    let function = |keyword: &str, property| {
        let function = object.text(property).map(without_arguments);
        function.map_or_else(String::new, |name| format!(" {keyword} {name}"))
    };
    format!(
        "{trusted}{}{}{}{}",
        address(object),
        function("HANDLER", "handler"),
        function("INLINE", "inline"),
        function("VALIDATOR", "validator")
    )
}
