//! Default privileges. Those of a role in all schemas are instead of PostgreSQL's own, those in one schema are added; an
//! entry that says no more than that PostgreSQL drops by itself.

use super::Written;
use crate::model::autogenerate::{
    acl::{self, Acl},
    names::{bare, split},
    object::Object,
};

pub(super) fn create(object: &Object<'_>) -> Written {
    let entry = Entry::of(object)?;
    Ok(entry.statements(&entry.without(object)?, &granted(object)?))
}

/// The statements after which nothing is left of the entry.
pub(super) fn drop(object: &Object<'_>) -> Written {
    let entry = Entry::of(object)?;
    Ok(entry.statements(&granted(object)?, &entry.without(object)?))
}

/// The privileges of the entry are all that it is.
pub(super) fn alter(old: &Object<'_>, new: &Object<'_>) -> Written {
    Ok(Entry::of(new)?.statements(&granted(old)?, &granted(new)?))
}

/// Whose objects, where, and which.
struct Entry<'a> {
    role: &'a str,
    schema: Option<&'a str>,
    objects: &'a str,
}

impl<'a> Entry<'a> {
    /// Reads `for role x in schema s on tables`.
    fn of(object: &Object<'a>) -> Result<Self, String> {
        let read = || {
            let (whose, objects) = split(object.identity(), " on ")?;
            let whose = whose.strip_prefix("for role ")?;
            let (role, schema) = match split(whose, " in schema ") {
                Some((role, schema)) => (role, Some(schema)),
                None => (whose, None),
            };
            Some(Self {
                role,
                schema,
                objects,
            })
        };
        read().ok_or_else(|| "whose default privileges they are cannot be read".to_owned())
    }

    /// What holds without the entry.
    fn without(&self, object: &Object<'_>) -> Result<Acl, String> {
        if self.schema.is_some() {
            return Ok(Acl::default());
        }
        if object.details.contains_key(DEFAULT) {
            return Acl::parse(&object.detail_list(DEFAULT));
        }
        // Said by the reader where it is known, since it differs between versions of PostgreSQL; this is 13 to 16.
        let role = acl::item_name(&bare(self.role));
        let (own, everybody) = match self.objects {
            "tables" => ("arwdDxt", None),
            "sequences" => ("rwU", None),
            "functions" => ("X", Some("X")),
            "types" => ("U", Some("U")),
            "schemas" => ("UC", None),
            "large objects" => ("rw", None),
            _ => {
                return Err(format!(
                    "what is granted on {} by default is not known",
                    self.objects
                ));
            }
        };
        let mut list = vec![format!("{role}={own}/{role}")];
        list.extend(everybody.map(|letters| format!("={letters}/{role}")));
        Acl::parse(&list.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn statements(&self, from: &Acl, to: &Acl) -> Vec<String> {
        let schema = self
            .schema
            .map_or_else(String::new, |schema| format!(" IN SCHEMA {schema}"));
        let prefix = format!("ALTER DEFAULT PRIVILEGES FOR ROLE {}{schema}", self.role);
        let target = self.objects.to_uppercase();
        let statements = acl::statements(&target, from, to, &bare(self.role));
        statements
            .into_iter()
            .map(|statement| format!("{prefix} {statement}"))
            .collect()
    }
}

const DEFAULT: &str = "default acl";

fn granted(object: &Object<'_>) -> Result<Acl, String> {
    Acl::parse(&object.list("acl"))
}
