//! Views and materialized views.

// Writing to a String cannot fail.
use std::fmt::Write as _;

use super::{Object, columns, quoted};
use crate::model::{autogenerate::object::changed, schema::ObjectKind};

pub(in crate::model::autogenerate) fn create(view: &Object<'_>) -> String {
    statement(view, "CREATE")
}

/// The whole statement, beginning with the given words.
fn statement(view: &Object<'_>, verb: &str) -> String {
    let materialized = view.kind() == ObjectKind::MaterializedView;
    let word = if materialized {
        "MATERIALIZED VIEW"
    } else {
        "VIEW"
    };
    let mut text = format!("{verb} {word} {}", view.identity());
    if let Some(method) = view
        .text("access method")
        .filter(|method| *method != "heap")
    {
        let _ = write!(text, " USING {method}");
    }
    let options: Vec<String> = view
        .detail_list("options")
        .into_iter()
        .map(columns::assigned)
        .collect();
    if !options.is_empty() {
        let _ = write!(text, " WITH ({})", options.join(", "));
    }
    if let Some(space) = view.text("tablespace") {
        let _ = write!(text, " TABLESPACE {}", quoted(space));
    }
    let definition = view
        .text_or_empty("definition")
        .trim_end()
        .trim_end_matches(';');
    let _ = write!(text, " AS\n{definition}");
    text
}

pub(in crate::model::autogenerate) fn drop(view: &Object<'_>) -> String {
    let materialized = if view.kind() == ObjectKind::MaterializedView {
        "MATERIALIZED "
    } else {
        ""
    };
    format!("DROP {materialized}VIEW {}", view.identity())
}

/// `keeps_columns` says whether the new view begins with the columns of the old one, as CREATE OR REPLACE wants it.
pub(in crate::model::autogenerate) fn alter(
    old: &Object<'_>,
    new: &Object<'_>,
    keeps_columns: bool,
) -> Option<Vec<String>> {
    let changed = changed(old, new);
    if new.kind() == ObjectKind::View {
        if changed.contains("definition") {
            return keeps_columns.then(|| vec![statement(new, "CREATE OR REPLACE")]);
        }
        let (before, wanted) = columns::ordered_options(Some(old), new, "options");
        let actions = columns::options_change(&before, &wanted);
        let alter = format!("ALTER VIEW {}", new.identity());
        return Some(
            actions
                .into_iter()
                .map(|action| format!("{alter} {action}"))
                .collect(),
        );
    }
    if changed
        .iter()
        .any(|name| !matches!(*name, "options" | "tablespace" | "access method"))
    {
        return None;
    }
    let alter = format!("ALTER MATERIALIZED VIEW {}", new.identity());
    let (before, wanted) = columns::ordered_options(Some(old), new, "options");
    let mut actions = columns::options_change(&before, &wanted);
    if changed.contains("tablespace") {
        let space = new.text("tablespace").unwrap_or("pg_default");
        actions.push(format!("SET TABLESPACE {}", quoted(space)));
    }
    if changed.contains("access method") {
        actions.push(format!(
            "SET ACCESS METHOD {}",
            new.text_or_empty("access method")
        ));
    }
    Some(
        actions
            .into_iter()
            .map(|action| format!("{alter} {action}"))
            .collect(),
    )
}
