//! Settings: the values of the file and of the environment, laid over each other and known to be of the right type.
//!
//! They are kept by dotted path (`databases.app.url`), so that an override is an insertion and every error can name the
//! whole key and its origin. The typed readers here hold the rules that one value alone can break.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use toml::{Table, Value};

use super::{
    ConfigError, ConnectionUrl, Origin,
    keys::{self, Place, Shape},
};

/// All given values, each with its origin.
#[derive(Default)]
pub(super) struct Settings {
    /// Values by dotted path. An empty table or list stands as such, for it says that a name exists.
    given: BTreeMap<String, (Value, Origin)>,
}

impl Settings {
    /// Sets a value, in place of all that was given at this path and below it.
    pub(super) fn set(
        &mut self,
        path: &[String],
        value: Value,
        origin: &Origin,
    ) -> Result<(), ConfigError> {
        let dotted = path.join(".");
        let below = format!("{dotted}.");
        self.given
            .retain(|known, _| *known != dotted && !known.starts_with(&below));
        self.add(path, value, origin)
    }

    /// Adds the values of a whole document.
    pub(super) fn add_document(
        &mut self,
        document: Table,
        origin: &Origin,
    ) -> Result<(), ConfigError> {
        document
            .into_iter()
            .try_for_each(|(name, value)| self.add(&[name], value, origin))
    }

    fn add(&mut self, path: &[String], value: Value, origin: &Origin) -> Result<(), ConfigError> {
        let dotted = path.join(".");
        let expected = match (keys::place(path), value) {
            (Place::Key(key), value) if shape_fits(key.shape, &value) => {
                self.given.insert(dotted, (value, origin.clone()));
                return Ok(());
            }
            (Place::Table, Value::Table(table)) if !table.is_empty() => {
                return table
                    .into_iter()
                    .try_for_each(|(name, value)| self.add(&below(path, name), value, origin));
            }
            (Place::List, Value::Array(items)) if !items.is_empty() => {
                return items
                    .into_iter()
                    .enumerate()
                    .try_for_each(|(place, value)| {
                        self.add(&below(path, place.to_string()), value, origin)
                    });
            }
            (Place::Table, value @ Value::Table(_)) | (Place::List, value @ Value::Array(_)) => {
                self.given.insert(dotted, (value, origin.clone()));
                return Ok(());
            }
            (Place::Unknown, _) => {
                return Err(ConfigError::UnknownKey {
                    key: dotted.escape_debug().to_string(),
                    origin: origin.clone(),
                    meant: keys::likely_meant(path),
                });
            }
            (Place::Key(key), _) => key.shape.name(),
            (Place::Table, _) => "a table",
            (Place::List, _) => "a list of tables",
        };
        Err(invalid(
            &dotted,
            origin.clone(),
            format!("must be {expected}"),
        ))
    }

    /// The names, or places in a list, that are given directly below a path.
    pub(super) fn children(&self, path: &str) -> BTreeSet<&str> {
        let below = format!("{path}.");
        let rests = self
            .given
            .keys()
            .filter_map(|known| known.strip_prefix(&below));
        rests
            .map(|rest| rest.split('.').next().unwrap_or(rest))
            .collect()
    }

    /// Whether the key is given, by the file or the environment.
    pub(super) fn has(&self, path: &str) -> bool {
        self.given.contains_key(path)
    }

    /// A refusal of the value at this path; `problem` goes on a sentence that begins with the key.
    pub(super) fn refuse(&self, path: &str, problem: impl Into<String>) -> ConfigError {
        let origin = self
            .given
            .get(path)
            .map_or(Origin::Absent, |(_, origin)| origin.clone());
        invalid(path, origin, problem.into())
    }

    /// The text at this path, given or default.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        match (self.given.get(path), default(path)) {
            (Some((value, _)), _) => value.as_str(),
            (None, Some(Shape::Text(text))) => Some(text),
            _ => None,
        }
    }

    /// The flag at this path, given or default.
    pub(super) fn flag(&self, path: &str) -> Option<bool> {
        match (self.given.get(path), default(path)) {
            (Some((value, _)), _) => value.as_bool(),
            (None, Some(Shape::Flag(flag))) => Some(flag),
            _ => None,
        }
    }

    /// A whole number within a range.
    pub(super) fn integer(
        &self,
        path: &str,
        range: RangeInclusive<u32>,
    ) -> Result<u32, ConfigError> {
        let number = match (self.given.get(path), default(path)) {
            (Some((value, _)), _) => value.as_integer(),
            (None, Some(Shape::Integer(number))) => Some(number),
            _ => None,
        };
        number
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                self.refuse(
                    path,
                    format!("must be {} to {}", range.start(), range.end()),
                )
            })
    }

    /// A number of bytes, 1 or more, if one is given.
    pub(super) fn bytes(&self, path: &str) -> Result<Option<u64>, ConfigError> {
        let Some((value, _)) = self.given.get(path) else {
            return Ok(None);
        };
        value
            .as_integer()
            .and_then(|number| u64::try_from(number).ok())
            .filter(|number| *number > 0)
            .map(Some)
            .ok_or_else(|| self.refuse(path, "must be a number of bytes, 1 or more"))
    }

    /// A text that must be there and be read by `read`; `expected` says what it must be.
    pub(super) fn parse<T>(
        &self,
        path: &str,
        expected: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, ConfigError> {
        let text = self
            .text(path)
            .ok_or_else(|| self.refuse(path, "is missing"))?;
        read(text).ok_or_else(|| self.refuse(path, format!("must be {expected}")))
    }

    /// A time span in whole milliseconds, as PostgreSQL counts its timeouts, within a range.
    pub(super) fn duration(
        &self,
        path: &str,
        range: RangeInclusive<Duration>,
    ) -> Result<Duration, ConfigError> {
        let span = self.parse(path, "a time span such as 500ms, 10s, 5m or 24h", |text| {
            humantime::parse_duration(text).ok()
        })?;
        if range.contains(&span) && span.subsec_nanos() % 1_000_000 == 0 {
            return Ok(span);
        }
        let (least, most) = (
            humantime::format_duration(*range.start()),
            humantime::format_duration(*range.end()),
        );
        Err(self.refuse(
            path,
            format!("must be {least} to {most}, in whole milliseconds"),
        ))
    }

    /// A path if one is given; a relative one starts at the working directory.
    pub(super) fn path(&self, path: &str) -> Result<Option<PathBuf>, ConfigError> {
        let Some(text) = self.text(path) else {
            return Ok(None);
        };
        if text.contains('\0') {
            return Err(self.refuse(path, "must be a path"));
        }
        std::path::absolute(Path::new(text))
            .map(Some)
            .map_err(|_| self.refuse(path, "must be a path"))
    }

    /// A connection URL if one is given.
    pub(super) fn url(&self, path: &str) -> Result<Option<ConnectionUrl>, ConfigError> {
        let Some((Value::String(text), origin)) = self.given.get(path) else {
            return Ok(None);
        };
        ConnectionUrl::from_str(text)
            .map(Some)
            .map_err(|source| ConfigError::Url {
                key: path.to_owned(),
                origin: origin.clone(),
                source,
            })
    }
}

fn below(path: &[String], name: String) -> Vec<String> {
    let mut longer = path.to_vec();
    longer.push(name);
    longer
}

fn default(path: &str) -> Option<Shape> {
    keys::key(path)
        .filter(|key| key.is_default)
        .map(|key| key.shape)
}

fn shape_fits(shape: Shape, value: &Value) -> bool {
    matches!(
        (shape, value),
        (Shape::Text(_), Value::String(_))
            | (Shape::Integer(_), Value::Integer(_))
            | (Shape::Flag(_), Value::Boolean(_))
    )
}

fn invalid(path: &str, origin: Origin, problem: String) -> ConfigError {
    ConfigError::Invalid {
        key: path.escape_debug().to_string(),
        origin,
        problem,
        hint: None,
    }
}
