//! A schema that can be changed at random, and the SQL that makes it. What refers to others does so by name and is left out
//! where the other is not there: so any change leaves a schema that loads.

mod sql;

/// A schema.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub(super) enums: Vec<Enum>,
    pub(super) domains: Vec<Domain>,
    pub(super) composites: Vec<Composite>,
    pub(super) functions: Vec<Function>,
    pub(super) tables: Vec<Table>,
    pub(super) views: Vec<View>,
}

#[derive(Clone, Debug)]
pub(super) struct Enum {
    pub(super) name: String,
    /// `a` is always one of them: rows have it.
    pub(super) labels: Vec<&'static str>,
}

#[derive(Clone, Debug)]
pub(super) struct Domain {
    pub(super) name: String,
    pub(super) base: &'static str,
    pub(super) check: Option<i32>,
    pub(super) default: bool,
    pub(super) function: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Composite {
    pub(super) name: String,
    pub(super) fields: Vec<(&'static str, &'static str)>,
}

/// A function of an integer.
#[derive(Clone, Debug)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) adds: i32,
    pub(super) result: &'static str,
    pub(super) parameter: &'static str,
    pub(super) comment: bool,
    pub(super) grant: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    pub(super) parts: Vec<Part>,
    pub(super) parent: Option<String>,
    pub(super) partitions: Option<Vec<i32>>,
    pub(super) unlogged: bool,
    pub(super) fillfactor: Option<i32>,
    pub(super) row_security: bool,
    pub(super) comment: bool,
    pub(super) grants: Vec<&'static str>,
}

#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    /// A type of PostgreSQL, or the name of an enum, domain or composite type.
    pub(super) kind: String,
    pub(super) not_null: bool,
    pub(super) value: Value,
    pub(super) comment: bool,
    pub(super) grant: bool,
    pub(super) statistics: Option<i32>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    None,
    Default(usize),
    /// The result of a function.
    Call(String),
    /// From another column.
    Generated(String),
    Identity(&'static str),
    Serial,
}

/// What hangs on a table.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) column: String,
    pub(super) kind: Kind,
    pub(super) comment: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Primary,
    Unique,
    UniqueIndex,
    Check(i32),
    /// A check by a function.
    CheckBy(String),
    Foreign {
        to: String,
        action: &'static str,
    },
    Index(&'static str),
    Partial(i32),
    /// An index on what a function says.
    Computed(String),
    Trigger(&'static str),
    Policy(i32),
    Statistics,
    Rule,
}

#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a property of its own"
)]
pub(super) struct View {
    pub(super) name: String,
    /// A table or an earlier view.
    pub(super) of: String,
    pub(super) columns: Vec<String>,
    pub(super) filter: Option<i32>,
    pub(super) function: Option<String>,
    pub(super) materialized: bool,
    pub(super) index: bool,
    pub(super) star: bool,
    pub(super) comment: bool,
    pub(super) grant: bool,
}

const NUMBERS: [&str; 6] = [
    "smallint",
    "integer",
    "bigint",
    "numeric(12,2)",
    "numeric",
    "double precision",
];
const TEXTS: [&str; 3] = ["text", "varchar(20)", "varchar(40)"];
/// The types of columns whose values can go over to each other.
pub(super) const TYPES: [&str; 13] = [
    "smallint",
    "integer",
    "bigint",
    "numeric(12,2)",
    "numeric",
    "double precision",
    "text",
    "varchar(20)",
    "varchar(40)",
    "jsonb",
    "text[]",
    "date",
    "timestamptz",
];

impl Model {
    pub(super) fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    pub(super) fn has_function(&self, name: &str) -> bool {
        self.functions.iter().any(|function| function.name == name)
    }

    /// What a type is in the end.
    pub(super) fn base(&self, kind: &str) -> &'static str {
        if let Some(domain) = self.domains.iter().find(|domain| domain.name == kind) {
            return domain.base;
        }
        if self.enums.iter().any(|each| each.name == kind) {
            return "enum";
        }
        if self.composites.iter().any(|each| each.name == kind) {
            return "composite";
        }
        TYPES
            .into_iter()
            .find(|each| *each == kind)
            .unwrap_or("text")
    }

    /// The type as SQL names it; that of something that is not there is text.
    fn kind<'a>(&self, kind: &'a str) -> &'a str {
        let known = TYPES.contains(&kind)
            || matches!(self.base(kind), "enum" | "composite")
            || self.domains.iter().any(|domain| domain.name == kind);
        if known { kind } else { "text" }
    }

    /// The columns of a table with those of its parent.
    pub(super) fn columns<'a>(&'a self, table: &'a Table) -> Vec<&'a Column> {
        let parent = table
            .parent
            .as_deref()
            .and_then(|parent| self.table(parent));
        let inherited = parent.into_iter().flat_map(|parent| &parent.columns);
        inherited.chain(&table.columns).collect()
    }

    pub(super) fn view_columns(&self, view: &View) -> Vec<(String, &'static str)> {
        let of = self.relation_columns(&view.of);
        let mut columns: Vec<_> = of
            .into_iter()
            .filter(|(name, _)| view.star || view.columns.contains(name) || name == "id")
            .collect();
        if view
            .function
            .as_deref()
            .is_some_and(|name| self.has_function(name))
        {
            columns.push(("computed".to_owned(), "bigint"));
        }
        columns
    }

    /// Names and types of what a view can be made of.
    pub(super) fn relation_columns(&self, name: &str) -> Vec<(String, &'static str)> {
        if let Some(table) = self.table(name) {
            let columns = self.columns(table).into_iter();
            return columns
                .map(|column| (column.name.clone(), self.base(&column.kind)))
                .collect();
        }
        let view = self.views.iter().find(|view| view.name == name);
        view.map(|view| self.view_columns(view)).unwrap_or_default()
    }
}
