//! Patterns of objects that a comparison leaves aside, e.g. `table public.events_p*` or `schema scratch`.

use std::{fmt, str::FromStr};

use super::{IN_SCHEMA, ON, ObjectKey, ObjectKind, Properties};

/// Objects by their identity, where `*` stands for any characters, and by their kind where the pattern begins with one.
///
/// A pattern that speaks of a table, view or domain speaks of all that hangs on it too, and one that speaks of a schema of
/// all that is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectPattern {
    kind: Option<ObjectKind>,
    identity: String,
}

/// A text that is no pattern.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no object: write a kind and an identity, such as \"table public.events_*\"")]
pub struct PatternError(String);

impl FromStr for ObjectPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let text = text.trim();
        let rest = |kind: &ObjectKind| text.strip_prefix(kind.name())?.strip_prefix(' ');
        let kind = ObjectKind::ALL.iter().find(|kind| rest(kind).is_some());
        let identity = kind.and_then(rest).unwrap_or(text).trim();
        if identity.is_empty() || ObjectKind::from_str(text).is_ok() {
            return Err(PatternError(text.to_owned()));
        }
        Ok(Self {
            kind: kind.copied(),
            identity: identity.to_owned(),
        })
    }
}

impl fmt::Display for ObjectPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(kind) = self.kind {
            write!(formatter, "{kind} ")?;
        }
        formatter.write_str(&self.identity)
    }
}

impl ObjectPattern {
    /// Whether the pattern speaks of this object, of what it hangs on, or of its schema.
    pub fn covers(&self, key: &ObjectKey, properties: &Properties) -> bool {
        let named = |property: &str, kind_fits: fn(ObjectKind) -> bool| {
            let identity = properties.get(property).and_then(|value| value.as_str());
            self.kind.is_none_or(kind_fits)
                && identity.is_some_and(|text| fits(&self.identity, text))
        };
        let itself =
            self.kind.is_none_or(|kind| kind == key.kind) && fits(&self.identity, &key.identity);
        itself
            || named(ON, ObjectKind::carries_others)
            || named(IN_SCHEMA, |kind| kind == ObjectKind::Schema)
    }
}

/// Whether the text is what the pattern says, `*` being any characters.
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some(place) = rest.find(part) else {
            return false;
        };
        rest = &rest[place + part.len()..];
    }
    rest.ends_with(last)
}
