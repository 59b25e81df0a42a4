//! Statements that hide what they do: blocks and calls of code that stands elsewhere or is made up while it runs.

use squawk_syntax::ast::{self, AstNode};

use super::{
    finding::{Category, Severity},
    remark::Remark,
    squawk::parsed,
    words::Words,
};
use crate::model::revision::Statement;

/// Functions of PostgreSQL's that scripts call for what they do, or that only compute. Those written as `pg_catalog.…`
/// are known as well.
const KNOWN: &[&str] = &[
    "setval",
    "set_config",
    "nextval",
    "currval",
    "count",
    "min",
    "max",
    "sum",
    "avg",
    "coalesce",
    "greatest",
    "least",
    "nullif",
    "now",
    "current_setting",
    "format",
    "lower",
    "upper",
    "length",
    "generate_series",
    "to_regclass",
    "pg_get_serial_sequence",
];

pub(super) fn remarks(statement: &Statement, words: &Words) -> Option<Remark> {
    let mut cursor = words.start();
    while cursor.eat_sign("(") {}
    let (hidden_in, object) = if cursor.eat("do") {
        ("a DO block", None)
    } else if cursor.eat("call") {
        ("a procedure", cursor.name())
    } else if cursor.eat("execute") {
        ("a prepared statement", cursor.name())
    } else if cursor.eat_any(&["select", "with", "values"]) {
        match unknown_call(&statement.sql)? {
            Unknown::Function(name) => ("a function", Some(name)),
            Unknown::All => ("a query that could not be parsed", None),
        }
    } else {
        return None;
    };
    Some(Remark::new(
        "opaque",
        (Category::Opaque, Severity::Note),
        words.start(),
        object,
        format!("what it does is hidden in {hidden_in}, and was not reviewed"),
        "rehearse it on a copy of the database, or write what it does as plain statements",
    ))
}

/// What a query calls, or may call.
enum Unknown {
    Function(String),
    All,
}

fn unknown_call(sql: &str) -> Option<Unknown> {
    let Ok(file) = parsed(sql) else {
        return Some(Unknown::All);
    };
    let calls = file
        .syntax_node()
        .descendants()
        .filter_map(ast::CallExpr::cast);
    calls
        .filter_map(|call| call.expr())
        .map(|function| function.syntax().text().to_string().to_ascii_lowercase())
        .find(|name| !name.starts_with("pg_catalog.") && !KNOWN.contains(&name.as_str()))
        .map(Unknown::Function)
}
