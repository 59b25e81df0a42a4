//! Autogenerate: from two schemas to the statements that make one of the other.
//!
//! `postgres::catalog` reads the facts, `ops::migration::autogenerate` builds the databases that they are read from, runs
//! what is written here, reads again and compares. All here is pure: facts in, SQL out. Nothing here parses SQL to know what
//! it means.
//!
//! 1. `renames`: what is the same but for its name is renamed, where that loses nothing at once, for tables and columns as
//!    the request says; a pair that the request says nothing of is a candidate, and the revision is refused.
//! 2. `plan`: each object that differs is made, dropped, altered, or, where no statement alters it, dropped and made again,
//!    with all that rests on it.
//! 3. `order`: all actions on one dependency graph, then cut into phases where transactions require it.

mod acl;
mod act;
mod annotations;
mod fates;
#[cfg(test)]
mod fixtures;
mod names;
mod object;
mod order;
mod renames;
mod rules;
mod settle;
mod side;
mod steps;
#[cfg(test)]
mod tests;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use self::{act::Writer, fates::Fates, side::Side};
use super::schema::{ObjectKey, ObjectKind, Properties, Schema};

/// A schema with what is needed to write it: more than what is compared.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// What is compared.
    pub schema: Schema,
    /// Pairs of which the first rests on the second: `pg_depend`, between the objects of `schema`.
    pub dependencies: BTreeSet<(ObjectKey, ObjectKey)>,
    /// What statements need and comparisons do not, by object: the position of a column, the result type of a function.
    pub details: BTreeMap<ObjectKey, Properties>,
    /// The role that makes objects: what it makes is its own.
    pub role: String,
}

/// How statements are to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Without long locks, in as many phases as that takes.
    Online,
    /// In short, locking statements; more than one phase only where PostgreSQL requires it.
    Plain,
    /// One phase that is a transaction: the downgrade of such a revision.
    OneTransaction,
    /// One phase of statements that run one by one: the downgrade of such a revision.
    StepByStep,
}

/// How a value of one type becomes one of another in ALTER COLUMN … TYPE, by both types as `format_type` writes them.
pub type Casts = BTreeMap<(String, String), Cast>;

/// The USING clause that a change of type needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cast {
    /// None: PostgreSQL has an assignment cast. An explicit one would cut values off in silence.
    Assignment,
    /// `USING column::type`.
    Explicit,
    /// `USING column::text::type`; also where nothing is known of the pair.
    Text,
}

/// Statements that are one revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// Whether they are one transaction; else they run one by one, outside of any.
    pub transactional: bool,
    /// The statements, without semicolons at their ends.
    pub statements: Vec<String>,
}

/// Objects for which no statements can be written, each with why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwritable {
    /// The objects.
    pub objects: BTreeMap<ObjectKey, String>,
}

/// What the request says of candidates for renaming.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decisions {
    /// Old and new identity, e.g. `public.orders.total` and `public.orders.amount`.
    pub renames: BTreeMap<String, String>,
    /// Identities of tables and columns that are meant to go.
    pub drops: BTreeSet<String>,
}

/// A dropped and an added table or column that may be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What would be dropped.
    pub dropped: ObjectKey,
    /// What would be added with the same shape; at least one.
    pub added: Vec<ObjectKey>,
}

/// Renaming statements, and those that take them back, each in the order in which they run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Renames {
    /// From the old names to the new.
    pub forward: Vec<String>,
    /// From the new names to the old.
    pub backward: Vec<String>,
}

/// The names that can change before anything else does. Where there are some, run them, read the facts again and ask
/// again: what is named in definitions only PostgreSQL knows. Undecided pairs are an error.
pub fn renames(from: &Facts, to: &Facts, decisions: &Decisions) -> Result<Renames, Vec<Candidate>> {
    renames::renames(&Side::new(from), &Side::new(to), decisions)
}

/// The pairs of column types that a plan may have to cast between.
pub fn casts_needed(from: &Facts, to: &Facts) -> BTreeSet<(String, String)> {
    let columns = to
        .schema
        .objects
        .iter()
        .filter(|(key, _)| key.kind == ObjectKind::Column);
    let pairs = columns.filter_map(|(key, after)| {
        let before = from.schema.objects.get(key)?.get("type")?.as_str()?;
        let after = after.get("type")?.as_str()?;
        (before != after).then(|| (before.to_owned(), after.to_owned()))
    });
    pairs.collect()
}

/// The statements that make `to` of `from`; none when nothing differs.
pub fn plan(from: &Facts, to: &Facts, casts: &Casts, form: Form) -> Result<Vec<Phase>, Unwritable> {
    if from.schema == to.schema {
        return Ok(Vec::new());
    }
    let (old, new) = (Side::new(from), Side::new(to));
    let fates = Fates::decide(&old, &new, form);
    let steps = steps::steps(&old, &new, &fates, form);
    let writer = Writer {
        old: &old,
        new: &new,
        fates: &fates,
        steps: &steps,
        casts,
        form,
    };
    let mut actions = BTreeMap::new();
    let mut unwritable = BTreeMap::new();
    for node in &steps.nodes {
        match writer.action(*node) {
            Ok(action) => {
                actions.insert(*node, action);
            }
            Err(why) => {
                unwritable.insert(node.1.clone(), why);
            }
        }
    }
    if unwritable.is_empty() {
        return order::phases(&steps, &actions, form).map_err(|order::Cycle(nodes)| Unwritable {
            objects: nodes
                .into_iter()
                .map(|(_, key)| (key.clone(), IN_CIRCLE.to_owned()))
                .collect(),
        });
    }
    Err(Unwritable {
        objects: unwritable,
    })
}

/// Why steps that wait for each other are not written.
const IN_CIRCLE: &str =
    "what is to be done with it waits for what is to be done with others, and they for it";

impl Facts {
    /// Drops what is known of objects that are not part of the schema after all.
    pub fn forget_what_is_left_out(&mut self) {
        let objects = &self.schema.objects;
        self.details.retain(|key, _| objects.contains_key(key));
        self.dependencies
            .retain(|(one, other)| objects.contains_key(one) && objects.contains_key(other));
    }
}
