//! Tables and foreign tables. A partition is made as a table of its own and attached in a step of its own, so that its indexes
//! and constraints have the names that they should.

// Writing to a String cannot fail.
use std::fmt::Write as _;

use super::{Object, Written, columns, foreign};
use crate::model::{autogenerate::object::changed, schema::ObjectKind};

/// What a new table is made of.
pub(in crate::model::autogenerate) struct Parts<'a> {
    /// All its columns, in order, each with the sequence that it makes, and whether its default is written here.
    pub(in crate::model::autogenerate) columns: Vec<(Object<'a>, Option<Object<'a>>, bool)>,
    /// Constraints that are written into the statement.
    pub(in crate::model::autogenerate) constraints: Vec<Object<'a>>,
}

pub(in crate::model::autogenerate) fn create(table: &Object<'_>, parts: &Parts<'_>) -> Written {
    let is_partition = table.text("partition of").is_some();
    let own = |column: &Object<'_>| is_partition || column.text("origin") != Some("inherited");
    let mut lines: Vec<String> = parts
        .columns
        .iter()
        .filter(|(column, _, _)| own(column))
        .map(|(column, sequence, default)| columns::definition(column, sequence.as_ref(), *default))
        .collect::<Result<_, _>>()?;
    lines.extend(parts.constraints.iter().map(|constraint| {
        format!(
            "CONSTRAINT {} {}",
            constraint.name(),
            super::constraints::definition(constraint)
        )
    }));
    let body = if lines.is_empty() {
        "()".to_owned()
    } else {
        format!("(\n    {}\n)", lines.join(",\n    "))
    };
    let mut text = format!("CREATE {}TABLE {} {body}", prefix(table), table.identity());
    let parents = table.list("inherits");
    if !parents.is_empty() {
        let _ = write!(text, " INHERITS ({})", parents.join(", "));
    }
    if let Some(key) = table.text("partitioned by") {
        let _ = write!(text, " PARTITION BY {key}");
    }
    if table.kind() == ObjectKind::ForeignTable {
        let _ = write!(text, " SERVER {}", table.text_or_empty("server"));
        if let Some(options) = foreign::options(&table.list("foreign options"))? {
            let _ = write!(text, " {options}");
        }
    }
    if let Some(method) = table
        .text("access method")
        .filter(|method| *method != "heap")
    {
        let _ = write!(text, " USING {method}");
    }
    let mut options: Vec<String> = table
        .detail_list("options")
        .into_iter()
        .map(columns::assigned)
        .collect();
    options.extend(
        toast(&table.detail_list("toast options"))
            .iter()
            .map(|option| columns::assigned(option)),
    );
    if !options.is_empty() {
        let _ = write!(text, " WITH ({})", options.join(", "));
    }
    if let Some(space) = table.text("tablespace") {
        let _ = write!(text, " TABLESPACE {}", super::quoted(space));
    }
    let mut statements = vec![text];
    for (column, _, _) in &parts.columns {
        statements.extend(columns::settings(column));
    }
    if let Some(kind) = table.text("of type") {
        statements.push(format!("ALTER TABLE {} OF {kind}", table.identity()));
    }
    statements.extend(row_security(None, table));
    statements.extend(
        replica_identity(table).filter(|_| table.text("replica identity") != Some("default")),
    );
    Ok(statements)
}

fn prefix(table: &Object<'_>) -> &'static str {
    match (table.kind(), table.text("persistence")) {
        (ObjectKind::ForeignTable, _) => "FOREIGN ",
        (_, Some("unlogged")) => "UNLOGGED ",
        _ => "",
    }
}

fn toast(options: &[&str]) -> Vec<String> {
    options
        .iter()
        .map(|option| format!("toast.{option}"))
        .collect()
}

pub(in crate::model::autogenerate) fn drop(table: &Object<'_>) -> String {
    let foreign = if table.kind() == ObjectKind::ForeignTable {
        "FOREIGN "
    } else {
        ""
    };
    format!("DROP {foreign}TABLE {}", table.identity())
}

/// Makes the table a partition of its parent.
pub(in crate::model::autogenerate) fn attach(table: &Object<'_>) -> String {
    format!(
        "ALTER TABLE {} ATTACH PARTITION {} {}",
        table.text_or_empty("partition of"),
        table.identity(),
        table.text_or_empty("partition bound")
    )
}

/// Makes the partition a table of its own.
pub(in crate::model::autogenerate) fn detach(table: &Object<'_>) -> String {
    format!(
        "ALTER TABLE {} DETACH PARTITION {}",
        table.text_or_empty("partition of"),
        table.identity()
    )
}

/// Whether the table must be dropped and made again, rows and all.
pub(in crate::model::autogenerate) fn must_be_made_again(
    old: &Object<'_>,
    new: &Object<'_>,
) -> bool {
    let changed = changed(old, new);
    let (before, wanted) = (old.list("inherits"), new.list("inherits"));
    let same = before
        .iter()
        .zip(&wanted)
        .take_while(|(old, new)| old == new)
        .count();
    // A parent that comes again makes the columns that it gives the table's own.
    let comes_again = wanted[same..].iter().any(|parent| before.contains(parent));
    changed.contains("partitioned by") || changed.contains("server") || comes_again
}

/// Whether the table leaves its parent, or its place there.
pub(in crate::model::autogenerate) fn leaves_parent(old: &Object<'_>, new: &Object<'_>) -> bool {
    old.text("partition of").is_some()
        && (old.text("partition of") != new.text("partition of")
            || old.text("partition bound") != new.text("partition bound"))
}

/// Whether the table comes to a parent, or to another place there.
pub(in crate::model::autogenerate) fn joins_parent(
    old: Option<&Object<'_>>,
    new: &Object<'_>,
) -> bool {
    new.text("partition of").is_some()
        && old.is_none_or(|old| {
            old.text("partition of") != new.text("partition of")
                || old.text("partition bound") != new.text("partition bound")
        })
}

pub(in crate::model::autogenerate) fn alter(old: &Object<'_>, new: &Object<'_>) -> Vec<String> {
    let changed = changed(old, new);
    let alter = format!("ALTER TABLE {}", new.identity());
    let mut statements = Vec::new();
    if changed.contains("persistence") {
        let logged = if new.text("persistence") == Some("unlogged") {
            "UNLOGGED"
        } else {
            "LOGGED"
        };
        statements.push(format!("{alter} SET {logged}"));
    }
    if changed.contains("access method") {
        statements.push(format!(
            "{alter} SET ACCESS METHOD {}",
            new.text_or_empty("access method")
        ));
    }
    if changed.contains("tablespace") {
        let space = new.text("tablespace").unwrap_or("pg_default");
        statements.push(format!("{alter} SET TABLESPACE {}", super::quoted(space)));
    }
    let (had, wanted) = columns::ordered_options(Some(old), new, "options");
    let mut actions = columns::options_change(&had, &wanted);
    let (had, wanted) = columns::ordered_options(Some(old), new, "toast options");
    let (had, wanted) = (toast(&had), toast(&wanted));
    actions.extend(columns::options_change(&borrowed(&had), &borrowed(&wanted)));
    statements.extend(
        actions
            .into_iter()
            .map(|action| format!("{alter} {action}")),
    );
    if changed.contains("inherits") {
        // Parents stand in the order in which they came.
        let (before, wanted) = (old.list("inherits"), new.list("inherits"));
        let same = before
            .iter()
            .zip(&wanted)
            .take_while(|(old, new)| old == new)
            .count();
        for parent in &before[same..] {
            statements.push(format!("{alter} NO INHERIT {parent}"));
        }
        for parent in &wanted[same..] {
            statements.push(format!("{alter} INHERIT {parent}"));
        }
    }
    if changed.contains("of type") {
        statements.push(match new.text("of type") {
            Some(kind) => format!("{alter} OF {kind}"),
            None => format!("{alter} NOT OF"),
        });
    }
    statements.extend(row_security(Some(old), new));
    if changed.contains("replica identity") {
        statements.extend(replica_identity(new));
    }
    if changed.contains("foreign options")
        && let Some(options) =
            foreign::options_change(&old.list("foreign options"), &new.list("foreign options"))
    {
        statements.push(format!("ALTER FOREIGN TABLE {} {options}", new.identity()));
    }
    statements
}

fn borrowed(options: &[String]) -> Vec<&str> {
    options.iter().map(String::as_str).collect()
}

fn row_security(old: Option<&Object<'_>>, new: &Object<'_>) -> Vec<String> {
    let mut statements = Vec::new();
    let alter = format!("ALTER TABLE {}", new.identity());
    let differs = |name: &str| old.is_some_and(|old| old.flag(name)) != new.flag(name);
    if differs("row security") {
        let verb = if new.flag("row security") {
            "ENABLE"
        } else {
            "DISABLE"
        };
        statements.push(format!("{alter} {verb} ROW LEVEL SECURITY"));
    }
    if differs("force row security") {
        let verb = if new.flag("force row security") {
            "FORCE"
        } else {
            "NO FORCE"
        };
        statements.push(format!("{alter} {verb} ROW LEVEL SECURITY"));
    }
    statements
}

/// An index that is the replica identity says so itself.
fn replica_identity(table: &Object<'_>) -> Option<String> {
    let identity = table
        .text("replica identity")
        .filter(|identity| *identity != "index")?;
    Some(format!(
        "ALTER TABLE {} REPLICA IDENTITY {}",
        table.identity(),
        identity.to_uppercase()
    ))
}
