//! How names and values get into SQL text. Identifiers are quoted by one function. Values are bound; where a statement
//! takes no parameters (ALTER DATABASE, COMMENT and their like), they are written by one function too.

/// The identifier in double quotes, safe at any place where SQL wants a name.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The value as a string literal that means the same whatever `standard_conforming_strings` says.
pub fn literal(value: &str) -> String {
    format!("E'{}'", value.replace('\\', "\\\\").replace('\'', "''"))
}

/// `"schema"."name"`.
pub fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", identifier(schema), identifier(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_in_a_name_stays_part_of_the_name() {
        assert_eq!(
            identifier(r#"a"; DROP TABLE b; --"#),
            r#""a""; DROP TABLE b; --""#
        );
        assert_eq!(qualified("s", "t"), r#""s"."t""#);
    }

    #[test]
    fn a_quote_or_backslash_in_a_value_stays_part_of_the_value() {
        assert_eq!(literal(r"a'b\c"), r"E'a''b\\c'");
    }
}
