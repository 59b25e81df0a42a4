//! Differences between two schemas, and how they are said in one line each.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ON, ObjectKey, ObjectKind, Properties, Schema};

/// Texts up to this many characters are shown whole.
const SHOWN: usize = 60;
/// So many characters of a longer text are shown before the place where it differs.
const LEAD: usize = 15;

/// One object that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The object.
    #[serde(flatten)]
    pub key: ObjectKey,
    /// What happened to it.
    pub change: Change,
    /// How many objects of each kind came or went with it, since they hang on it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub with: BTreeMap<ObjectKind, usize>,
}

/// What happened to an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It was not there.
    Added,
    /// It is not there any more.
    Dropped,
    /// Some of its properties differ; at least one.
    Changed(Vec<PropertyChange>),
}

/// One property that differs. At most one of the values is absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PropertyChange {
    /// The property's name.
    pub name: String,
    /// Its value before, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// Its value now, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

pub(super) fn between(reference: &Schema, live: &Schema) -> Vec<Difference> {
    let added = Gathered::new(live, reference);
    let dropped = Gathered::new(reference, live);
    let keys: BTreeSet<&ObjectKey> = reference
        .objects
        .keys()
        .chain(live.objects.keys())
        .collect();
    let difference = |key: &ObjectKey| {
        let (change, with) = match (reference.objects.get(key), live.objects.get(key)) {
            (None, Some(properties)) => (Change::Added, added.with(key, properties)?),
            (Some(properties), None) => (Change::Dropped, dropped.with(key, properties)?),
            (Some(before), Some(after)) if before != after => {
                (Change::Changed(changes(before, after)), BTreeMap::new())
            }
            _ => return None,
        };
        Some(Difference {
            key: key.clone(),
            change,
            with,
        })
    };
    keys.into_iter().filter_map(difference).collect()
}

/// What is in one schema and not in another, gathered under the objects that the rest hangs on.
struct Gathered<'a> {
    /// The tables and their like, by identity: those share one name space.
    carriers: BTreeMap<&'a str, BTreeMap<ObjectKind, usize>>,
}

impl<'a> Gathered<'a> {
    fn new(present: &'a Schema, absent: &Schema) -> Self {
        let only = || {
            let objects = present.objects.iter();
            objects.filter(|(key, _)| !absent.objects.contains_key(key))
        };
        let mut carriers: BTreeMap<&str, BTreeMap<ObjectKind, usize>> = only()
            .filter(|(key, _)| key.kind.carries_others())
            .map(|(key, _)| (key.identity.as_str(), BTreeMap::new()))
            .collect();
        for (key, properties) in only() {
            if let Some(counts) = on(properties).and_then(|on| carriers.get_mut(on)) {
                *counts.entry(key.kind).or_default() += 1;
            }
        }
        Self { carriers }
    }

    /// What goes with this object; `None` when it goes with another itself.
    fn with(
        &self,
        key: &ObjectKey,
        properties: &Properties,
    ) -> Option<BTreeMap<ObjectKind, usize>> {
        if on(properties).is_some_and(|on| self.carriers.contains_key(on)) {
            return None;
        }
        let counts = self.carriers.get(key.identity.as_str());
        let counts = counts.filter(|_| key.kind.carries_others());
        Some(counts.cloned().unwrap_or_default())
    }
}

fn on(properties: &Properties) -> Option<&str> {
    properties.get(ON).and_then(Value::as_str)
}

fn changes(before: &Properties, after: &Properties) -> Vec<PropertyChange> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| PropertyChange {
            name: name.clone(),
            before: before.get(name).cloned(),
            after: after.get(name).cloned(),
        })
        .collect()
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let happened = match &self.change {
            Change::Added => "was added",
            Change::Dropped => "was dropped",
            Change::Changed(changes) => {
                let said: Vec<String> = changes.iter().map(ToString::to_string).collect();
                return write!(formatter, "{}: {}", self.key, said.join("; "));
            }
        };
        write!(formatter, "{} {happened}", self.key)?;
        if self.with.is_empty() {
            return Ok(());
        }
        let counts = self.with.iter().map(|(kind, count)| match count {
            1 => format!("1 {kind}"),
            _ => format!("{count} {}", kind.plural()),
        });
        write!(formatter, " with {}", counts.collect::<Vec<_>>().join(", "))
    }
}

impl fmt::Display for PropertyChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        let (before, after) = match (&self.before, &self.after) {
            (Some(before), Some(after)) => (before, after),
            (None, Some(after)) => {
                return write!(formatter, "{name} is {} instead of none", beginning(after));
            }
            (Some(before), None) => {
                return write!(formatter, "{name} is none instead of {}", beginning(before));
            }
            (None, None) => return write!(formatter, "{name} differs"),
        };
        if let (Value::Array(before), Value::Array(after)) = (before, after) {
            let (gained, lost) = (only_in(after, before), only_in(before, after));
            if let Some(said) = gained_and_lost(&gained, &lost) {
                return write!(formatter, "{name} {said}");
            }
        }
        let (before, after) = (shown(before), shown(after));
        if before == after {
            return write!(formatter, "{name} differs in white space");
        }
        let from = differs_from(&before, &after);
        let (before, after) = (excerpt(&before, from), excerpt(&after, from));
        write!(formatter, "{name} is {after} instead of {before}")
    }
}

/// Elements of a list that another lacks.
fn only_in(list: &[Value], other: &[Value]) -> Vec<String> {
    let elements = list.iter().filter(|element| !other.contains(element));
    elements.map(beginning).collect()
}

fn gained_and_lost(gained: &[String], lost: &[String]) -> Option<String> {
    match (gained, lost) {
        ([], []) => None,
        (gained, []) => Some(format!("gained {}", gained.join(", "))),
        ([], lost) => Some(format!("lost {}", lost.join(", "))),
        (gained, lost) => Some(format!(
            "gained {} and lost {}",
            gained.join(", "),
            lost.join(", ")
        )),
    }
}

/// The value in one line. Strings stand without quotes: their content is PostgreSQL's and often quoted itself.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Value::Array(elements) => {
            let elements: Vec<String> = elements.iter().map(shown).collect();
            format!("[{}]", elements.join(", "))
        }
        Value::Object(members) => {
            let members = members.iter();
            let members: Vec<String> = members
                .map(|(name, value)| format!("{name}: {}", shown(value)))
                .collect();
            format!("{{{}}}", members.join(", "))
        }
        other => other.to_string(),
    }
}

fn beginning(value: &Value) -> String {
    excerpt(&shown(value), 0)
}

/// The number of characters that both texts begin with.
fn differs_from(one: &str, other: &str) -> usize {
    let pairs = one.chars().zip(other.chars());
    pairs.take_while(|(a, b)| a == b).count()
}

/// The text if it is short, else the part of it around the given character.
fn excerpt(text: &str, from: usize) -> String {
    let length = text.chars().count();
    if text.is_empty() {
        return "\"\"".to_owned();
    }
    if length <= SHOWN {
        return text.to_owned();
    }
    let start = from.saturating_sub(LEAD).min(length - SHOWN);
    let middle: String = text.chars().skip(start).take(SHOWN).collect();
    let before = if start > 0 { "…" } else { "" };
    let after = if start + SHOWN < length { "…" } else { "" };
    format!("{before}{middle}{after}")
}
