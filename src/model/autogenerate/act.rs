//! The statements of each step.

use super::{
    Cast, Casts, Form,
    fates::{Fates, keeps_columns},
    names,
    object::Object,
    settle::Settler,
    side::Side,
    steps::{self, Node, Step, Steps},
    write::{
        self, Written, columns,
        constraints::{self, Adding},
        indexes, sequences, tables,
    },
};
use crate::model::schema::{ObjectKey, ObjectKind};

/// What a moved type is called until it is dropped: its name with this at its end.
const MOVED: &str = "__old";

/// The statements of one step.
pub(super) struct Action {
    pub(super) statements: Vec<String>,
    /// Whether they run one by one, outside of transactions.
    pub(super) alone: bool,
    /// Whether what follows may need them committed.
    pub(super) commits: bool,
}

/// Writes the statements of steps.
pub(super) struct Writer<'s, 'a> {
    pub(super) old: &'s Side<'a>,
    pub(super) new: &'s Side<'a>,
    pub(super) fates: &'s Fates<'a>,
    pub(super) steps: &'s Steps<'a>,
    pub(super) casts: &'s Casts,
    pub(super) form: Form,
}

impl<'a> Writer<'_, 'a> {
    pub(super) fn action(&self, node: Node<'a>) -> Result<Action, String> {
        let (step, key) = node;
        let online = matches!(self.form, Form::Online | Form::StepByStep);
        let mut alone = false;
        let mut commits = false;
        let (before, after) = (self.old.object(key), self.new.object(key));
        let statements = match (step, before, after) {
            (Step::Release, Some(before), _) => vec![self.release(&before)],
            (Step::Detach, Some(before), _) => vec![tables::detach(&before)],
            (Step::Attach, _, Some(after)) => {
                let mut statements = vec![tables::attach(&after)];
                statements.extend(self.settle_members(node)?);
                statements
            }
            (Step::Drop, Some(before), _) => {
                alone = online && self.may_go_alone(node, &before);
                self.drop(&before, alone)?
            }
            (Step::Move, Some(before), _) => moved(&before),
            (Step::Discard, Some(before), _) => discarded(&before),
            (Step::Create, _, Some(after)) => {
                alone = online && self.is_built_beside(&after);
                self.create(node, &after, alone)?
            }
            (Step::Default, _, Some(after)) => {
                let default = after.text_or_empty("default");
                vec![format!(
                    "{} SET DEFAULT {default}",
                    columns::alter_column(&after)
                )]
            }
            (Step::Own, _, Some(after)) => self.own(&after),
            (Step::Alter, Some(before), Some(after)) => {
                let statements = self.alter(node, &before, &after)?;
                commits = key.kind == ObjectKind::Enum && !statements.is_empty();
                statements
            }
            (Step::Fill, _, Some(after)) => {
                let mut statements = vec![self.fill(&after)];
                for column in self.new.columns(key) {
                    if let Some(sequence) = self.new.identity_sequence(column.key) {
                        statements.push(columns::continue_after_rows(&column, &sequence));
                    }
                }
                statements
            }
            (Step::NotNull, _, Some(after)) => {
                alone = true;
                not_null(&after)
            }
            (Step::Validate, _, Some(after)) => {
                alone = online;
                vec![constraints::validate(&after)]
            }
            _ => Vec::new(),
        };
        let alone = alone && !statements.is_empty();
        Ok(Action {
            statements,
            alone,
            commits,
        })
    }

    fn settler(&self) -> Settler<'_, 'a> {
        Settler {
            old: self.old,
            new: self.new,
        }
    }

    /// Lets go of what is dropped before the object can have its new state.
    fn release(&self, before: &Object<'_>) -> String {
        let alter = columns::alter_column(before);
        match before.kind() {
            ObjectKind::Sequence => sequences::own(before, None),
            // No statement renames the functions of a range type: its values wait as text.
            _ if self.fates.by_way_of_text.contains(before.key) => {
                let (table, name) = (before.on().unwrap_or_default(), before.name());
                let default = before
                    .text("default")
                    .map(|_| format!("ALTER COLUMN {name} DROP DEFAULT, "));
                format!(
                    "ALTER TABLE {table} {}ALTER COLUMN {name} TYPE text USING {name}::text",
                    default.unwrap_or_default()
                )
            }
            _ if before.text("identity").is_some() => format!("{alter} DROP IDENTITY"),
            _ => format!("{alter} DROP DEFAULT"),
        }
    }

    /// Gives a sequence to its column. One that is new to a column with rows goes on after them.
    fn own(&self, sequence: &Object<'_>) -> Vec<String> {
        let mut statements = vec![sequences::own(sequence, sequence.text("owned by"))];
        let column = self.new.owner_column(sequence.key).filter(|column| {
            self.fates.comes(sequence.key) && !self.fates.comes(column) && self.old.has(column)
        });
        if let Some(column) = column.and_then(|column| self.new.object(column)) {
            statements.push(columns::continue_after_rows(&column, sequence));
        }
        statements
    }

    /// Whether an index can be dropped without keeping anyone out: nothing else waits for it.
    fn may_go_alone(&self, node: Node<'a>, before: &Object<'_>) -> bool {
        let waited_for = self
            .steps
            .before
            .get(&node)
            .is_some_and(|later| !later.is_empty());
        let table = self
            .old
            .carrier(before.key)
            .and_then(|table| self.old.object(table));
        let partitioned = table.is_some_and(|table| table.text("partitioned by").is_some());
        before.kind() == ObjectKind::Index
            && !waited_for
            && !partitioned
            && before.text("partition of").is_none()
    }

    /// Whether the column is one of a typed table: it has those of its type.
    fn is_of_type(&self, side: &Side<'a>, column: &ObjectKey) -> bool {
        let on = self
            .new
            .carrier(column)
            .or_else(|| self.old.carrier(column));
        let table = on.and_then(|table| side.object(table));
        table.is_some_and(|table| table.text("of type").is_some())
    }

    fn drop(&self, before: &Object<'_>, online: bool) -> Written {
        let typed = before.kind() == ObjectKind::Column
            && self.is_of_type(self.old, before.key)
            && self.is_of_type(self.new, before.key);
        if typed {
            return Ok(Vec::new());
        }
        let inherited = before.text("origin") == Some("inherited");
        match before.kind() {
            ObjectKind::Index => Ok(vec![indexes::drop(before, online)]),
            ObjectKind::Column | ObjectKind::Constraint | ObjectKind::Trigger if inherited => {
                Ok(Vec::new())
            }
            _ => write::drop(before),
        }
    }

    /// Whether an index, or the index of a constraint, is built on a table that has rows.
    fn is_built_beside(&self, after: &Object<'_>) -> bool {
        let Some(table) = self.new.carrier(after.key) else {
            return false;
        };
        let stays = !self.fates.comes(table);
        let partitioned = self
            .new
            .object(table)
            .is_some_and(|table| table.text("partitioned by").is_some());
        let built = match after.kind() {
            ObjectKind::Index => true,
            ObjectKind::Constraint => matches!(after.text("type"), Some("primary key" | "unique")),
            _ => false,
        };
        stays && !partitioned && built
    }

    fn create(&self, node: Node<'a>, after: &Object<'_>, online: bool) -> Written {
        let key = after.key;
        let settler = self.settler();
        let mut statements = match after.kind() {
            ObjectKind::Table | ObjectKind::ForeignTable => {
                let mut statements = tables::create(after, &self.parts(after))?;
                statements.extend(self.inherited_columns(after));
                statements.extend(settler.created(after)?);
                statements.extend(self.settle_members(node)?);
                return Ok(statements);
            }
            ObjectKind::Column => self.add_column(after)?,
            ObjectKind::Constraint => {
                if after.text("origin") == Some("inherited") && !constraints::has_index(after) {
                    Vec::new()
                } else {
                    let attached = self.is_attached_later(key);
                    constraints::create(after, self.adding(after, online), !attached)
                }
            }
            ObjectKind::Index => indexes::create(after, online, !self.is_attached_later(key)),
            _ => write::create(after)?,
        };
        statements.extend(settler.created(after)?);
        statements.extend(self.settle_members(node)?);
        Ok(statements)
    }

    /// Whether the part is one of a partition that is attached after it is made: the attaching finds it.
    fn is_attached_later(&self, key: &ObjectKey) -> bool {
        let table = self.new.carrier(key);
        table.is_some_and(|table| self.steps.nodes.contains(&(Step::Attach, table)))
    }

    fn adding(&self, constraint: &Object<'_>, online: bool) -> Adding {
        let table = self.new.carrier(constraint.key);
        let stays = table.is_some_and(|table| !self.fates.comes(table));
        let partitioned = table
            .and_then(|table| self.new.object(table))
            .is_some_and(|table| table.text("partitioned by").is_some());
        if online {
            return Adding::UsingIndex;
        }
        if constraints::has_index(constraint) && partitioned && stays {
            return Adding::Only;
        }
        let form_online = matches!(self.form, Form::Online | Form::StepByStep);
        if form_online && steps::is_added_not_valid(self.new, self.fates, constraint.key) {
            return Adding::NotValid;
        }
        Adding::Whole
    }

    fn parts(&self, table: &Object<'_>) -> tables::Parts<'_> {
        let columns = self.new.columns(table.key).into_iter().map(|column| {
            let sequence = column
                .text("identity")
                .and_then(|_| self.new.identity_sequence(column.key));
            let default = !self.steps.late_defaults.contains(column.key);
            (column, sequence, default)
        });
        let inline = self
            .new
            .parts(table.key)
            .iter()
            .filter(|part| self.steps.inline.contains(*part));
        tables::Parts {
            columns: columns.collect(),
            constraints: inline.filter_map(|part| self.new.object(part)).collect(),
        }
    }

    /// What columns that a new table has from its parents are beyond what they are there.
    fn inherited_columns(&self, table: &Object<'_>) -> Vec<String> {
        if table.text("partition of").is_some() {
            return Vec::new();
        }
        let columns = self.new.columns(table.key);
        columns
            .iter()
            .flat_map(|column| self.beyond_parent(column))
            .collect()
    }

    fn beyond_parent(&self, column: &Object<'_>) -> Vec<String> {
        if column.text("origin") != Some("inherited") {
            return Vec::new();
        }
        let used = self.new.rests_on(column.key).iter();
        let mut parents = used.filter(|used| {
            used.kind == ObjectKind::Column
                && self.new.carrier(used) != self.new.carrier(column.key)
        });
        let Some(parent) = parents.next().and_then(|parent| self.new.object(parent)) else {
            return Vec::new();
        };
        let given: Vec<&str> = parent
            .properties
            .keys()
            .map(String::as_str)
            .filter(|name| !matches!(*name, "statistics target" | "options" | "foreign options"))
            .filter(|name| parent.properties.get(*name) == column.properties.get(*name))
            .collect();
        let mut statements = beyond(column, &given);
        if parent.text("default").is_some() && column.text("default").is_none() {
            statements.push(format!("{} DROP DEFAULT", columns::alter_column(column)));
        }
        statements
    }

    fn add_column(&self, column: &Object<'_>) -> Written {
        let table = column.on().unwrap_or_default();
        if self.is_of_type(self.new, column.key) && self.is_of_type(self.old, column.key) {
            return Ok(beyond(column, &["type", "collation"]));
        }
        let parent_adds = column.text("origin") == Some("inherited")
            && self.new.rests_on(column.key).iter().any(|used| {
                used.kind == ObjectKind::Column
                    && self.new.carrier(used) != self.new.carrier(column.key)
                    && self.fates.comes(used)
            });
        if parent_adds {
            return Ok(self.beyond_parent(column));
        }
        let sequence = column
            .text("identity")
            .and_then(|_| self.new.identity_sequence(column.key));
        let definition = columns::definition(column, sequence.as_ref(), true)?;
        let mut statements = vec![format!("ALTER TABLE {table} ADD COLUMN {definition}")];
        statements.extend(columns::settings(column));
        Ok(statements)
    }

    fn alter(&self, node: Node<'a>, before: &Object<'_>, after: &Object<'_>) -> Written {
        let key = after.key;
        let mut statements = match after.kind() {
            ObjectKind::Table | ObjectKind::ForeignTable => tables::alter(before, after),
            ObjectKind::Column => self.alter_column(before, after),
            ObjectKind::Index | ObjectKind::Constraint => {
                let mut statements = self.attach_index(before, after);
                statements.extend(write::alter(before, after).ok_or("it cannot be altered")??);
                statements
            }
            ObjectKind::View => {
                write::views::alter(before, after, keeps_columns(self.old, self.new, key))
                    .unwrap_or_default()
            }
            _ => write::alter(before, after).ok_or("it cannot be altered")??,
        };
        let settler = self.settler();
        statements.extend(settler.altered(before, after)?);
        if after.kind().carries_others() {
            statements.extend(
                settler.columns_that_stay(after, |column| self.fates.get(column).is_none())?,
            );
        }
        statements.extend(self.settle_members(node)?);
        Ok(statements)
    }

    /// The index of a partition becomes one of the partitioned table's, unless the whole table does so later.
    fn attach_index(&self, before: &Object<'_>, after: &Object<'_>) -> Vec<String> {
        let had = before
            .text("partition of")
            .or_else(|| before.detail("index of"));
        let wanted = after
            .text("partition of")
            .or_else(|| after.detail("index of"));
        let index = match after.kind() {
            ObjectKind::Constraint => constraints::index(after),
            _ => after.identity().to_owned(),
        };
        match wanted {
            Some(parent) if had != wanted && !self.is_attached_later(after.key) => {
                vec![indexes::attach(parent, &index)]
            }
            _ => Vec::new(),
        }
    }

    fn alter_column(&self, before: &Object<'_>, after: &Object<'_>) -> Vec<String> {
        let key = after.key;
        let retyped = self.fates.retyped.contains(key) || columns::is_retyped(before, after);
        let of_view = steps::is_of_view(self.new, key);
        let sequence = after
            .text("identity")
            .and_then(|_| self.new.identity_sequence(key));
        let how = columns::Alteration {
            retype: (retyped && !of_view).then(|| self.cast(before, after)),
            released: self.fates.released.contains(key),
            not_null_later: steps::is_not_null_later(
                self.old, self.new, self.fates, self.form, key,
            ),
            follows_parent: steps::follows_parent(self.new, self.fates, key),
        };
        columns::alter(before, after, sequence.as_ref(), how)
    }

    /// The rows of the table that went aside. Of a partitioned one they are those of all partitions, else only its own.
    fn fill(&self, table: &Object<'_>) -> String {
        let before = self.old.object(table.key);
        let partitioned = before.is_some_and(|before| before.text("partitioned by").is_some());
        let only = if partitioned { "" } else { "ONLY " };
        let columns = steps::common_columns(self.old, self.new, table.key);
        let names: Vec<&str> = columns.iter().map(|(_, column)| column.name()).collect();
        let values = columns.iter().map(|(before, after)| {
            let (name, kind) = (after.name(), after.text_or_empty("type"));
            let mut used = self.old.rests_on(before.key).iter();
            let moved =
                used.any(|used| used.kind != ObjectKind::Table && self.steps.moved.contains(used));
            if before.text("type") == after.text("type") && !moved {
                return name.to_owned();
            }
            match self.cast(before, after) {
                _ if moved => format!("{name}::text::{kind}"),
                Cast::Assignment => name.to_owned(),
                Cast::Explicit => format!("{name}::{kind}"),
                Cast::Text => format!("{name}::text::{kind}"),
            }
        });
        let values: Vec<String> = values.collect();
        format!(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {only}{}.{}",
            table.identity(),
            names.join(", "),
            values.join(", "),
            aside(table),
            table.name()
        )
    }

    fn cast(&self, before: &Object<'_>, after: &Object<'_>) -> Cast {
        let (from, to) = (before.text_or_empty("type"), after.text_or_empty("type"));
        if self.fates.retyped.contains(after.key)
            && from == to
            && before.text("collation") == after.text("collation")
        {
            return Cast::Text;
        }
        if from == to {
            return Cast::Assignment;
        }
        let pair = (from.to_owned(), to.to_owned());
        self.casts.get(&pair).copied().unwrap_or(Cast::Text)
    }

    /// Owner, comments and privileges of what was made by the way.
    fn settle_members(&self, node: Node<'a>) -> Written {
        let settler = self.settler();
        let mut statements = Vec::new();
        for key in self.steps.members.get(&node).into_iter().flatten() {
            let Some(object) = self.new.object(key) else {
                continue;
            };
            if key.kind == ObjectKind::Constraint && constraints::has_index(&object) {
                statements.extend(constraints::settings(
                    &object,
                    false,
                    !self.is_attached_later(key),
                ));
            }
            if key.kind == ObjectKind::Column
                && steps::is_of_view(self.new, key)
                && let Some(default) = object.text("default")
            {
                statements.push(format!(
                    "{} SET DEFAULT {default}",
                    columns::alter_column(&object)
                ));
            }
            statements.extend(settler.created(&object)?);
        }
        Ok(statements)
    }
}

/// What makes the column of one that has only the given properties.
fn beyond(column: &Object<'_>, given: &[&str]) -> Vec<String> {
    let mut had = column.properties.clone();
    had.retain(|name, _| given.contains(&name.as_str()));
    let from = Object {
        properties: &had,
        ..*column
    };
    let how = columns::Alteration {
        retype: None,
        released: false,
        not_null_later: false,
        follows_parent: false,
    };
    columns::alter(&from, column, None, how)
}

/// The name that a type has between its move and its end.
fn moved_name(name: &str) -> String {
    let name = names::bare(name);
    let mut short = name.as_str();
    // Names have at most 63 bytes.
    while short.len() + MOVED.len() > 63 {
        short = &short[..short
            .char_indices()
            .next_back()
            .map_or(0, |(place, _)| place)];
    }
    names::quoted(&format!("{short}{MOVED}"))
}

fn moved_word(object: &Object<'_>) -> &'static str {
    match object.kind() {
        ObjectKind::Domain => "DOMAIN",
        ObjectKind::Collation => "COLLATION",
        _ => "TYPE",
    }
}

fn discarded(object: &Object<'_>) -> Vec<String> {
    if object.kind() == ObjectKind::Table {
        let aside = aside(object);
        return vec![
            format!("DROP TABLE {aside}.{}", object.name()),
            format!("DROP SCHEMA {aside}"),
        ];
    }
    let schema = object.text_or_empty("schema");
    vec![format!(
        "DROP {} {schema}.{}",
        moved_word(object),
        moved_name(object.name())
    )]
}

/// The schema that a table waits in until its rows are taken over: so its indexes, constraints and sequences make room too.
fn aside(table: &Object<'_>) -> String {
    moved_name(table.name())
}

/// Makes room for the new one of that name.
fn moved(object: &Object<'_>) -> Vec<String> {
    let identity = object.identity();
    if object.kind() == ObjectKind::Table {
        let aside = aside(object);
        return vec![
            format!("CREATE SCHEMA {aside}"),
            format!("ALTER TABLE {identity} SET SCHEMA {aside}"),
        ];
    }
    let (word, name) = (moved_word(object), moved_name(object.name()));
    vec![format!("ALTER {word} {identity} RENAME TO {name}")]
}

/// A NOT NULL that looks at the rows while nobody is kept out: a validated check saves the look that SET NOT NULL takes.
fn not_null(column: &Object<'_>) -> Vec<String> {
    let (table, name) = (column.on().unwrap_or_default(), column.name());
    let check = format!("\"{}\"", constraint_name(name));
    vec![
        format!("ALTER TABLE {table} ADD CONSTRAINT {check} CHECK ({name} IS NOT NULL) NOT VALID"),
        format!("ALTER TABLE {table} VALIDATE CONSTRAINT {check}"),
        format!("ALTER TABLE {table} ALTER COLUMN {name} SET NOT NULL"),
        format!("ALTER TABLE {table} DROP CONSTRAINT {check}"),
    ]
}

/// A name for a check that is there for a moment.
fn constraint_name(column: &str) -> String {
    const END: &str = "_not_null_check";
    let mut short = column.trim_matches('"');
    while short.len() + END.len() > 63 {
        short = &short[..short
            .char_indices()
            .next_back()
            .map_or(0, |(place, _)| place)];
    }
    format!("{short}{END}")
}
