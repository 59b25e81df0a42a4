//! The name of a table as a request gives it: `schema.table` as SQL writes it, e.g. `public.orders` or `"My Shop".items`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// PostgreSQL cuts longer names off, and so would find another table than the one that is named.
const LONGEST: usize = 63;

/// A table by its schema and its name, as the catalogs have them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TableName {
    /// The schema.
    pub schema: String,
    /// The table.
    pub table: String,
}

impl TableName {
    /// Reads a name of two parts. A part without quotes is folded to lower case; in quotes it stands as it is, with `""` for
    /// one quote. None where that is not what the text is.
    pub fn parse(text: &str) -> Option<Self> {
        let (schema, rest) = part(text.trim())?;
        let (table, rest) = part(rest.strip_prefix('.')?)?;
        rest.is_empty().then_some(Self { schema, table })
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.schema, self.table)
    }
}

/// The first part of a name, and what is behind it.
fn part(text: &str) -> Option<(String, &str)> {
    let (name, rest) = match text.strip_prefix('"') {
        Some(quoted) => quoted_part(quoted)?,
        None => plain_part(text)?,
    };
    ((1..=LONGEST).contains(&name.len()) && !name.contains('\0')).then_some((name, rest))
}

fn quoted_part(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once('"')?;
        name.push_str(before);
        match after.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return Some((name, after)),
        }
    }
}

fn plain_part(text: &str) -> Option<(String, &str)> {
    let in_name = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '$';
    let end = text
        .find(|letter: char| !in_name(letter))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let first = name.chars().next()?;
    let sound = !first.is_ascii_digit() && first != '$';
    // As the server does: only ASCII is folded in every encoding.
    sound.then(|| (name.to_ascii_lowercase(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, String)> {
        TableName::parse(text).map(|name| (name.schema, name.table))
    }

    fn named(schema: &str, table: &str) -> (String, String) {
        (schema.to_owned(), table.to_owned())
    }

    #[test]
    fn names_are_read_as_sql_reads_them() {
        assert_eq!(read("public.Orders"), Some(named("public", "orders")));
        assert_eq!(read(" public.orders "), Some(named("public", "orders")));
        assert_eq!(read(r#""My Shop".items"#), Some(named("My Shop", "items")));
        assert_eq!(read(r#"a."b""c.d""#), Some(named("a", "b\"c.d")));
        assert_eq!(read("große.übung$1"), Some(named("große", "übung$1")));
    }

    #[test]
    fn what_is_no_name_of_two_parts_is_refused() {
        for text in [
            "", "orders", "a.b.c", "a.", ".b", "a..b", "1a.b", r#""".b"#, r#""a.b"#, "a.b;",
            "a .b", "a.*",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
        assert_eq!(read(&format!("a.{}", "b".repeat(64))), None);
    }
}
