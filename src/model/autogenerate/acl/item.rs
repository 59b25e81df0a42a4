//! One entry of a list of privileges.

use std::collections::BTreeMap;

use super::Entry;

/// The letters of the privileges and their names, in PostgreSQL's order.
const PRIVILEGES: &[(char, &str)] = &[
    ('r', "SELECT"),
    ('a', "INSERT"),
    ('w', "UPDATE"),
    ('d', "DELETE"),
    ('D', "TRUNCATE"),
    ('x', "REFERENCES"),
    ('t', "TRIGGER"),
    ('m', "MAINTAIN"),
    ('U', "USAGE"),
    ('C', "CREATE"),
    ('X', "EXECUTE"),
    ('c', "CONNECT"),
    ('T', "TEMPORARY"),
    ('s', "SET"),
    ('A', "ALTER SYSTEM"),
];

/// A privilege, by its place among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Privilege(usize);

impl Privilege {
    pub(super) fn name(self) -> &'static str {
        PRIVILEGES.get(self.0).map_or("", |(_, name)| name)
    }

    fn of_letter(letter: char) -> Option<Self> {
        PRIVILEGES
            .iter()
            .position(|(known, _)| *known == letter)
            .map(Self)
    }
}

/// Privileges, each with whether it may be granted on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Privileges(BTreeMap<Privilege, bool>);

impl Privileges {
    pub(super) fn add(&mut self, more: Self) {
        for (privilege, option) in more.0 {
            *self.0.entry(privilege).or_default() |= option;
        }
    }

    pub(super) fn remove(&mut self, privileges: &[Privilege], options: &[Privilege]) {
        self.0
            .retain(|privilege, _| !privileges.contains(privilege));
        for privilege in options {
            if let Some(option) = self.0.get_mut(privilege) {
                *option = false;
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether any of them may be granted on.
    pub(super) fn has_option(&self) -> bool {
        self.0.values().any(|option| *option)
    }

    /// Those that `later` does not have, and those of which it has not the grant option any more.
    pub(super) fn lost(&self, later: &Self) -> (Vec<Privilege>, Vec<Privilege>) {
        let mut lost = Vec::new();
        let mut without_option = Vec::new();
        for (privilege, option) in &self.0 {
            match later.0.get(privilege) {
                None => lost.push(*privilege),
                Some(false) if *option => without_option.push(*privilege),
                Some(_) => {}
            }
        }
        (lost, without_option)
    }

    /// Those that `earlier` does not have like this: without and with grant option.
    pub(super) fn gained(&self, earlier: &Self) -> (Vec<Privilege>, Vec<Privilege>) {
        let gained = self.0.iter().filter(|(privilege, option)| {
            let had = earlier.0.get(privilege);
            had.is_none() || had == Some(&false) && **option
        });
        let (with_option, plain): (Vec<_>, Vec<_>) = gained.partition(|(_, option)| **option);
        let privileges = |list: Vec<(&Privilege, &bool)>| {
            list.into_iter().map(|(privilege, _)| *privilege).collect()
        };
        (privileges(plain), privileges(with_option))
    }
}

/// Reads `grantee=letters/grantor`. A name that is more than letters, digits and underscores stands in double quotes.
pub(super) fn parse(text: &str) -> Option<(Entry, Privileges)> {
    let (grantee, rest) = role(text);
    let (letters, grantor) = rest.strip_prefix('=')?.split_once('/')?;
    let mut privileges = BTreeMap::new();
    let mut last = None;
    for letter in letters.chars() {
        if letter == '*' {
            *privileges.get_mut(&last?)? = true;
        } else {
            let privilege = Privilege::of_letter(letter)?;
            privileges.insert(privilege, false);
            last = Some(privilege);
        }
    }
    let (grantor, "") = role(grantor) else {
        return None;
    };
    Some((Entry { grantor, grantee }, Privileges(privileges)))
}

/// A role's bare name at the beginning of the text, and the rest.
fn role(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find('=').unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut name = String::new();
    let mut rest = quoted;
    while let Some((part, after)) = rest.split_once('"') {
        name.push_str(part);
        rest = after;
        match rest.strip_prefix('"') {
            Some(after) => {
                name.push('"');
                rest = after;
            }
            None => break,
        }
    }
    (name, rest)
}

/// A role's name as entries have it.
pub(in crate::model::autogenerate) fn item_name(role: &str) -> String {
    let plain = role
        .chars()
        .all(|character| character.is_ascii_alphanumeric() || character == '_');
    if plain {
        role.to_owned()
    } else {
        format!("\"{}\"", role.replace('"', "\"\""))
    }
}
