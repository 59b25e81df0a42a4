//! What a Restore asks for, as one value: the fields of the request, and what they mean together.

use crate::{
    model::{
        failure::Failure,
        restore::{RestoreTarget, RestoreVerification},
        table_name::TableName,
    },
    postgres::scratch,
};

/// The longest name that the server does not cut off.
const LONGEST_NAME: usize = 63;
/// Tables that one request may name.
const MOST_TABLES: usize = 1000;

/// What a caller asks for. Empty texts and lists mean none.
#[derive(Clone, Debug, Default)]
pub struct RestoreRequest {
    /// The archive's name.
    pub filename: String,
    /// The name of the database that is written, typed once more.
    pub confirm: String,
    /// Why.
    pub reason: String,
    /// How far the restored database is compared with the manifest.
    pub verify: RestoreVerification,
    /// A new database, to restore into that instead of replacing the managed one.
    pub into_database: String,
    /// Whether to create the roles that the server lacks.
    pub create_roles: bool,
    /// Whether to go without the backup of the present state.
    pub skip_last_backup: bool,
    /// Only these tables, each as `schema.table` as SQL writes it.
    pub tables: Vec<String>,
    /// The new schema of the managed database that they are restored into.
    pub into_schema: String,
}

impl RestoreRequest {
    /// What is to be written, where the fields make sense together and the name of what is written was typed once more.
    pub fn target(&self, managed: &str) -> Result<RestoreTarget, Failure> {
        let target = self.combination()?;
        let written = match &target {
            RestoreTarget::Database(name) => name,
            RestoreTarget::Live | RestoreTarget::Tables { .. } => managed,
        };
        check_confirmation(written, &self.confirm)?;
        Ok(target)
    }

    fn combination(&self) -> Result<RestoreTarget, Failure> {
        let refuse = |field, problem| Err(Failure::invalid_field(field, problem));
        let of_tables = !self.tables.is_empty();
        let into_database = !self.into_database.is_empty();
        if of_tables && into_database {
            return refuse(
                "tables",
                "cannot be given with into_database: tables go into a schema of the managed database",
            );
        }
        if of_tables && self.into_schema.is_empty() {
            return refuse("into_schema", "must be given with tables");
        }
        if !of_tables && !self.into_schema.is_empty() {
            return refuse("tables", "must be given with into_schema");
        }
        if of_tables && self.create_roles {
            return refuse(
                "create_roles",
                "cannot be given with tables, which are restored without owners and grants",
            );
        }
        if (of_tables || into_database) && self.skip_last_backup {
            return refuse(
                "skip_last_backup",
                "is for replacing the managed database; no other restore makes a last backup",
            );
        }
        if into_database {
            return into(&self.into_database);
        }
        if of_tables {
            return self.some_tables();
        }
        Ok(RestoreTarget::Live)
    }

    fn some_tables(&self) -> Result<RestoreTarget, Failure> {
        if self.tables.len() > MOST_TABLES {
            let many = format!("at most {MOST_TABLES} may be named");
            return Err(Failure::invalid_field("tables", many));
        }
        let schema = &self.into_schema;
        if schema.len() > LONGEST_NAME || schema.starts_with("pg_") {
            let expected =
                format!("must be a name of 1 to {LONGEST_NAME} bytes that does not begin with pg_");
            return Err(Failure::invalid_field("into_schema", expected));
        }
        let mut tables = Vec::with_capacity(self.tables.len());
        for text in &self.tables {
            let Some(table) = TableName::parse(text) else {
                let expected = format!("{text:?} is not schema.table as SQL writes it");
                return Err(Failure::invalid_field("tables", expected));
            };
            if !tables.contains(&table) {
                tables.push(table);
            }
        }
        Ok(RestoreTarget::Tables {
            tables,
            schema: schema.clone(),
        })
    }
}

/// A new database as the target. The names of the daemon's own scratch databases are not for others.
pub fn into(name: &str) -> Result<RestoreTarget, Failure> {
    let sound = (1..=LONGEST_NAME).contains(&name.len()) && !scratch::is_ours(name);
    if sound {
        return Ok(RestoreTarget::Database(name.to_owned()));
    }
    Err(Failure::invalid_field(
        "into_database",
        format!("must be a name of 1 to {LONGEST_NAME} bytes that does not begin with pgsteward_"),
    ))
}

/// Refuses unless the name of what is written was typed once more.
pub fn check_confirmation(written: &str, confirm: &str) -> Result<(), Failure> {
    if confirm == written {
        return Ok(());
    }
    Err(Failure::invalid_field(
        "confirm_database",
        format!("must be the name of the database that is written, {written:?}"),
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn live() -> RestoreRequest {
        RestoreRequest {
            filename: "app_20261122T020000Z.sql.gz".to_owned(),
            confirm: "app".to_owned(),
            reason: "a test".to_owned(),
            ..RestoreRequest::default()
        }
    }

    fn of_tables() -> RestoreRequest {
        RestoreRequest {
            tables: vec!["public.Orders".to_owned(), "public.orders".to_owned()],
            into_schema: "rescued".to_owned(),
            ..live()
        }
    }

    fn refused(request: &RestoreRequest) -> String {
        let failure = request.target("app").unwrap_err();
        failure.fields[0].field.clone()
    }

    #[test]
    fn each_way_to_restore_is_told_by_its_fields() {
        assert_eq!(live().target("app").unwrap(), RestoreTarget::Live);
        let into = RestoreRequest {
            into_database: "app_old".to_owned(),
            confirm: "app_old".to_owned(),
            create_roles: true,
            ..live()
        };
        let database = RestoreTarget::Database("app_old".to_owned());
        assert_eq!(into.target("app").unwrap(), database);
        let tables = RestoreTarget::Tables {
            tables: vec![TableName::parse("public.orders").unwrap()],
            schema: "rescued".to_owned(),
        };
        assert_eq!(of_tables().target("app").unwrap(), tables);
    }

    #[test]
    fn the_name_of_what_is_written_must_be_typed_once_more() {
        let unconfirmed = RestoreRequest {
            confirm: "App".to_owned(),
            ..live()
        };
        assert_eq!(refused(&unconfirmed), "confirm_database");
        let of_the_other = RestoreRequest {
            into_database: "app_old".to_owned(),
            ..live()
        };
        assert_eq!(refused(&of_the_other), "confirm_database");
    }

    #[test]
    fn fields_that_make_no_sense_together_are_refused_by_name() {
        let into = RestoreRequest {
            into_database: "app_old".to_owned(),
            confirm: "app_old".to_owned(),
            ..live()
        };
        for (request, field) in [
            (
                RestoreRequest {
                    into_schema: String::new(),
                    ..of_tables()
                },
                "into_schema",
            ),
            (
                RestoreRequest {
                    into_schema: "pg_rescued".to_owned(),
                    ..of_tables()
                },
                "into_schema",
            ),
            (
                RestoreRequest {
                    tables: Vec::new(),
                    ..of_tables()
                },
                "tables",
            ),
            (
                RestoreRequest {
                    tables: vec!["orders".to_owned()],
                    ..of_tables()
                },
                "tables",
            ),
            (
                RestoreRequest {
                    tables: of_tables().tables,
                    ..into.clone()
                },
                "tables",
            ),
            (
                RestoreRequest {
                    create_roles: true,
                    ..of_tables()
                },
                "create_roles",
            ),
            (
                RestoreRequest {
                    skip_last_backup: true,
                    ..into.clone()
                },
                "skip_last_backup",
            ),
            (
                RestoreRequest {
                    into_database: "pgsteward_restore_1".to_owned(),
                    ..into.clone()
                },
                "into_database",
            ),
            (
                RestoreRequest {
                    into_database: "n".repeat(64),
                    ..into
                },
                "into_database",
            ),
        ] {
            assert_eq!(refused(&request), field, "{request:?}");
        }
    }
}
