//! Which statements change the server as a whole, by their first words. A scratch database has no roles, databases or
//! settings of its own: such a statement in it would change the live ones.

use squawk_lexer::TokenKind;

use super::{statements::Statement, tokens::lexemes};

/// Objects that belong to all databases of a server.
const SHARED: [&str; 6] = [
    "ROLE",
    "USER",
    "GROUP",
    "DATABASE",
    "TABLESPACE",
    "SUBSCRIPTION",
];

impl Statement {
    /// Whether it makes, changes or drops roles, memberships, databases, tablespaces, subscriptions or settings of the
    /// server. What a function or a DO block does is not seen here.
    pub fn changes_the_server(&self) -> bool {
        let words: Vec<String> = lexemes(&self.sql)
            .filter(|lexeme| lexeme.kind == TokenKind::Ident)
            .map(|lexeme| lexeme.text.to_ascii_uppercase())
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["CREATE" | "ALTER" | "DROP", "USER", "MAPPING", ..] => false,
            ["CREATE" | "ALTER" | "DROP", object, ..] | ["COMMENT", "ON", object, ..]
                if SHARED.contains(object) =>
            {
                true
            }
            ["ALTER", "SYSTEM", ..] | ["REASSIGN" | "DROP", "OWNED", ..] => true,
            ["GRANT" | "REVOKE", rest @ ..] => {
                // A membership is granted without ON.
                let place = rest
                    .iter()
                    .position(|word| ["ON", "TO", "FROM"].contains(word));
                match place.map(|place| &rest[place..]) {
                    Some(["ON", object, ..]) => {
                        ["DATABASE", "TABLESPACE", "PARAMETER"].contains(object)
                    }
                    Some(["TO" | "FROM", ..]) => true,
                    _ => false,
                }
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::statements::statements;

    #[test]
    fn what_belongs_to_all_databases_is_told_from_what_belongs_to_one() {
        for sql in [
            "CREATE ROLE a",
            "create /* x */ user a",
            "ALTER DATABASE app SET search_path = x",
            "DROP TABLESPACE t",
            "ALTER SYSTEM SET work_mem = '1MB'",
            "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p",
            "GRANT readers TO alice",
            "REVOKE ADMIN OPTION FOR readers FROM alice",
            "GRANT CONNECT ON DATABASE app TO alice",
            "COMMENT ON ROLE a IS 'x'",
            "REASSIGN OWNED BY a TO b",
        ] {
            assert!(statements(sql).unwrap()[0].changes_the_server(), "{sql}");
        }
        for sql in [
            "CREATE TABLE role (id int)",
            "CREATE USER MAPPING FOR CURRENT_USER SERVER s",
            "GRANT SELECT (a) ON t TO alice",
            "REVOKE ALL ON SCHEMA public FROM PUBLIC",
            "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO a",
            "ALTER TABLE t OWNER TO a",
            "SET ROLE a",
        ] {
            assert!(!statements(sql).unwrap()[0].changes_the_server(), "{sql}");
        }
    }
}
