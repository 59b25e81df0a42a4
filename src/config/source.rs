//! The two places that settings come from: the file's text, and the environment laid over it.

use std::{collections::BTreeMap, path::Path};

use toml::{Table, Value};

use super::{
    ConfigError, Origin,
    keys::{self, Place, Shape},
    settings::Settings,
};

/// What the name of an environment variable starts with, when it sets a key: `PGSTEWARD__SCHEDULE__TIME_ZONE`.
const PREFIX: &str = "PGSTEWARD__";

/// Reads a file's text.
pub(super) fn add_file(
    settings: &mut Settings,
    path: &Path,
    text: &str,
) -> Result<(), ConfigError> {
    let document: Table = text.parse().map_err(|error: toml::de::Error| {
        // Only the parser's message is used: its Display quotes the line, which may hold a password.
        let (line, column) = position(text, error.span().map_or(0, |span| span.start));
        ConfigError::Syntax {
            path: path.to_owned(),
            line,
            column,
            problem: error.message().to_owned(),
        }
    })?;
    settings.add_document(document, &Origin::File(path.to_owned()))
}

/// Lays the environment over what is there. A variable for a table or list (as a TOML value) replaces it whole, and one
/// for a key inside it is applied after it.
pub(super) fn add_environment<'a>(
    settings: &mut Settings,
    variables: impl Iterator<Item = &'a (String, String)>,
) -> Result<(), ConfigError> {
    let mut by_path: BTreeMap<Vec<String>, (&str, &str)> = BTreeMap::new();
    for (name, text) in variables {
        let Some(path) = path_of(name) else {
            continue;
        };
        if let Some((other, _)) = by_path.insert(path.clone(), (name, text)) {
            let origin = Origin::Variable(name.clone());
            let problem = format!("is set by {other} too");
            return Err(ConfigError::Invalid {
                key: path.join("."),
                origin,
                problem,
                hint: None,
            });
        }
    }
    for (path, (name, text)) in by_path {
        let origin = Origin::Variable(name.to_owned());
        let value = value_of(&path, text).ok_or_else(|| ConfigError::Invalid {
            key: path.join("."),
            origin: origin.clone(),
            problem: "is not a TOML value".to_owned(),
            hint: None,
        })?;
        settings.set(&path, value, &origin)?;
    }
    Ok(())
}

fn path_of(name: &str) -> Option<Vec<String>> {
    let (prefix, path) = name.split_at_checked(PREFIX.len())?;
    prefix.eq_ignore_ascii_case(PREFIX).then(|| {
        path.to_ascii_lowercase()
            .split("__")
            .map(str::to_owned)
            .collect()
    })
}

/// Text for a string key (and for an unknown one, which is refused later); a TOML value for all others.
fn value_of(path: &[String], text: &str) -> Option<Value> {
    match keys::place(path) {
        Place::Unknown => Some(Value::String(text.to_owned())),
        Place::Key(key) if matches!(key.shape, Shape::Text(_)) => {
            Some(Value::String(text.to_owned()))
        }
        Place::Key(_) | Place::Table | Place::List => text.parse().ok(),
    }
}

/// Line and column (in characters), both from 1, of a byte offset.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (
        before.matches('\n').count() + 1,
        before[line_start..].chars().count() + 1,
    )
}
