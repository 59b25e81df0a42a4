//! A schema that can be changed at random, and the SQL that makes it. What refers to others does so by name and is left out
//! where the other is not there: so any change leaves a schema that loads.

use std::fmt::Write as _;

/// A schema.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) enums: Vec<Enum>,
    pub(crate) domains: Vec<Domain>,
    pub(crate) composites: Vec<Composite>,
    pub(crate) functions: Vec<Function>,
    pub(crate) tables: Vec<Table>,
    pub(crate) views: Vec<View>,
}

#[derive(Clone, Debug)]
pub(crate) struct Enum {
    pub(crate) name: String,
    /// `a` is always one of them: rows have it.
    pub(crate) labels: Vec<&'static str>,
}

#[derive(Clone, Debug)]
pub(crate) struct Domain {
    pub(crate) name: String,
    pub(crate) base: &'static str,
    pub(crate) check: Option<i32>,
    pub(crate) default: bool,
    pub(crate) function: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Composite {
    pub(crate) name: String,
    pub(crate) fields: Vec<(&'static str, &'static str)>,
}

/// A function of an integer.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) adds: i32,
    pub(crate) result: &'static str,
    pub(crate) parameter: &'static str,
    pub(crate) comment: bool,
    pub(crate) grant: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) columns: Vec<Column>,
    pub(crate) parts: Vec<Part>,
    pub(crate) parent: Option<String>,
    pub(crate) partitions: Option<Vec<i32>>,
    pub(crate) unlogged: bool,
    pub(crate) fillfactor: Option<i32>,
    pub(crate) row_security: bool,
    pub(crate) comment: bool,
    pub(crate) grants: Vec<&'static str>,
}

#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// A type of PostgreSQL, or the name of an enum, domain or composite type.
    pub(crate) kind: String,
    pub(crate) not_null: bool,
    pub(crate) value: Value,
    pub(crate) comment: bool,
    pub(crate) grant: bool,
    pub(crate) statistics: Option<i32>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
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
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) column: String,
    pub(crate) kind: Kind,
    pub(crate) comment: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
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
pub(crate) struct View {
    pub(crate) name: String,
    /// A table or an earlier view.
    pub(crate) of: String,
    pub(crate) columns: Vec<String>,
    pub(crate) filter: Option<i32>,
    pub(crate) function: Option<String>,
    pub(crate) materialized: bool,
    pub(crate) index: bool,
    pub(crate) star: bool,
    pub(crate) comment: bool,
    pub(crate) grant: bool,
}

const NUMBERS: [&str; 6] = ["smallint", "integer", "bigint", "numeric(12,2)", "numeric", "double precision"];
const TEXTS: [&str; 3] = ["text", "varchar(20)", "varchar(40)"];
/// The types of columns whose values can go over to each other.
pub(crate) const TYPES: [&str; 13] = [
    "smallint", "integer", "bigint", "numeric(12,2)", "numeric", "double precision", "text", "varchar(20)",
    "varchar(40)", "jsonb", "text[]", "date", "timestamptz",
];

impl Model {
    pub(crate) fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    pub(crate) fn has_function(&self, name: &str) -> bool {
        self.functions.iter().any(|function| function.name == name)
    }

    /// What a type is in the end.
    pub(crate) fn base(&self, kind: &str) -> &'static str {
        if let Some(domain) = self.domains.iter().find(|domain| domain.name == kind) {
            return domain.base;
        }
        if self.enums.iter().any(|each| each.name == kind) {
            return "enum";
        }
        if self.composites.iter().any(|each| each.name == kind) {
            return "composite";
        }
        TYPES.into_iter().find(|each| *each == kind).unwrap_or("text")
    }

    /// The type as SQL names it; that of something that is not there is text.
    fn kind<'a>(&self, kind: &'a str) -> &'a str {
        let known = TYPES.contains(&kind) || matches!(self.base(kind), "enum" | "composite")
            || self.domains.iter().any(|domain| domain.name == kind);
        if known { kind } else { "text" }
    }

    /// The columns of a table with those of its parent.
    pub(crate) fn columns<'a>(&'a self, table: &'a Table) -> Vec<&'a Column> {
        let parent = table.parent.as_deref().and_then(|parent| self.table(parent));
        let inherited = parent.into_iter().flat_map(|parent| &parent.columns);
        inherited.chain(&table.columns).collect()
    }

    pub(crate) fn view_columns(&self, view: &View) -> Vec<(String, &'static str)> {
        let of = self.relation_columns(&view.of);
        let mut columns: Vec<_> = of
            .into_iter()
            .filter(|(name, _)| view.star || view.columns.contains(name) || name == "id")
            .collect();
        if view.function.as_deref().is_some_and(|name| self.has_function(name)) {
            columns.push(("computed".to_owned(), "bigint"));
        }
        columns
    }

    /// Names and types of what a view can be made of.
    pub(crate) fn relation_columns(&self, name: &str) -> Vec<(String, &'static str)> {
        if let Some(table) = self.table(name) {
            let columns = self.columns(table).into_iter();
            return columns.map(|column| (column.name.clone(), self.base(&column.kind))).collect();
        }
        let view = self.views.iter().find(|view| view.name == name);
        view.map(|view| self.view_columns(view)).unwrap_or_default()
    }

    /// The statements that make it.
    pub(crate) fn sql(&self) -> String {
        let mut sql = String::new();
        for each in &self.enums {
            let labels: Vec<_> = each.labels.iter().map(|label| format!("'{label}'")).collect();
            let _ = writeln!(sql, "CREATE TYPE {} AS ENUM ({});", each.name, labels.join(", "));
        }
        for each in &self.composites {
            let fields: Vec<_> = each.fields.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
            let _ = writeln!(sql, "CREATE TYPE {} AS ({});", each.name, fields.join(", "));
        }
        for each in &self.functions {
            let (name, parameter) = (&each.name, each.parameter);
            let _ = writeln!(
                sql,
                "CREATE FUNCTION {name}({parameter} bigint DEFAULT 1) RETURNS {} LANGUAGE sql IMMUTABLE AS 'SELECT ($1 + {})::{}';",
                each.result, each.adds, each.result
            );
            if each.comment {
                let _ = writeln!(sql, "COMMENT ON FUNCTION {name}(bigint) IS 'adds {}';", each.adds);
            }
            if each.grant {
                let _ = writeln!(sql, "REVOKE ALL ON FUNCTION {name}(bigint) FROM PUBLIC; GRANT EXECUTE ON FUNCTION {name}(bigint) TO $app;");
            }
        }
        let _ = writeln!(sql, "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';");
        for each in &self.domains {
            let _ = write!(sql, "CREATE DOMAIN {} AS {}", each.name, each.base);
            if each.default {
                let _ = write!(sql, " DEFAULT {}", literal(each.base, 2));
            }
            if let Some(number) = each.check {
                let check = condition("VALUE", each.base, number);
                let _ = write!(sql, " CONSTRAINT {}_ok CHECK ({check})", each.name);
            }
            if let Some(function) = each.function.as_deref().filter(|name| self.has_function(name)) {
                if NUMBERS.contains(&each.base) {
                    let _ = write!(sql, " CONSTRAINT {}_by CHECK ({function}(VALUE::bigint) > 0)", each.name);
                }
            }
            sql += ";\n";
        }
        for table in &self.tables {
            self.write_table(&mut sql, table);
        }
        for table in &self.tables {
            for part in &table.parts {
                self.write_part(&mut sql, table, part);
            }
        }
        for view in &self.views {
            self.write_view(&mut sql, view);
        }
        sql
    }

    fn write_table(&self, sql: &mut String, table: &Table) {
        let name = &table.name;
        for column in table.columns.iter().filter(|column| column.value == Value::Serial) {
            let _ = writeln!(sql, "CREATE SEQUENCE {name}_{}_seq AS bigint;", column.name);
        }
        let columns: Vec<_> = table.columns.iter().map(|column| self.definition(table, column)).collect();
        let unlogged = if table.unlogged && table.partitions.is_none() { "UNLOGGED " } else { "" };
        let _ = write!(sql, "CREATE {unlogged}TABLE {name} ({})", columns.join(", "));
        if let Some(parent) = table.parent.as_deref().filter(|parent| self.table(parent).is_some()) {
            let _ = write!(sql, " INHERITS ({parent})");
        }
        if table.partitions.is_some() {
            sql.push_str(" PARTITION BY RANGE (id)");
        } else if let Some(factor) = table.fillfactor {
            let _ = write!(sql, " WITH (fillfactor = {factor})");
        }
        sql.push_str(";\n");
        for from in table.partitions.iter().flatten() {
            let (low, high) = (from * 100, from * 100 + 100);
            let _ = writeln!(sql, "CREATE TABLE {name}_{low} PARTITION OF {name} FOR VALUES FROM ({low}) TO ({high});");
        }
        for column in &table.columns {
            let field = &column.name;
            if column.value == Value::Serial {
                let _ = writeln!(sql, "ALTER SEQUENCE {name}_{field}_seq OWNED BY {name}.{field};");
            }
            if column.comment {
                let _ = writeln!(sql, "COMMENT ON COLUMN {name}.{field} IS 'what {field} is';");
            }
            if column.grant {
                let _ = writeln!(sql, "GRANT SELECT ({field}), UPDATE ({field}) ON {name} TO $maintenance;");
            }
            if let Some(target) = column.statistics {
                let _ = writeln!(sql, "ALTER TABLE {name} ALTER {field} SET STATISTICS {target};");
            }
        }
        if table.comment {
            let _ = writeln!(sql, "COMMENT ON TABLE {name} IS 'rows';");
        }
        for right in &table.grants {
            let _ = writeln!(sql, "GRANT {right} ON {name} TO $maintenance;");
        }
        if table.row_security {
            let _ = writeln!(sql, "ALTER TABLE {name} ENABLE ROW LEVEL SECURITY;");
        }
    }

    fn definition(&self, table: &Table, column: &Column) -> String {
        let base = self.base(&column.kind);
        let mut text = format!("{} {}", column.name, self.kind(&column.kind));
        match &column.value {
            Value::Default(number) => {
                let _ = write!(text, " DEFAULT {}", literal(base, *number));
            }
            Value::Call(function) if self.has_function(function) && NUMBERS.contains(&base) => {
                let _ = write!(text, " DEFAULT {function}(1)");
            }
            Value::Generated(_) => {
                if let Some(expression) = self.generation(table, column) {
                    let _ = write!(text, " GENERATED ALWAYS AS ({expression}) STORED");
                }
            }
            Value::Identity(how) if ["smallint", "integer", "bigint"].contains(&column.kind.as_str()) && table.partitions.is_none() => {
                let _ = write!(text, " GENERATED {how} AS IDENTITY");
            }
            Value::Serial if ["integer", "bigint"].contains(&base) => {
                let _ = write!(text, " DEFAULT nextval('{}_{}_seq')", table.name, column.name);
            }
            _ => {}
        }
        if column.not_null && base != "composite" {
            text += " NOT NULL";
        }
        text
    }

    /// What a generated column is computed by, where that is possible.
    fn generation(&self, table: &Table, column: &Column) -> Option<String> {
        let Value::Generated(from) = &column.value else { return None };
        let sources = self.columns(table).into_iter();
        let mut sources = sources.filter(|each| &each.name == from && !matches!(each.value, Value::Generated(_)));
        let (of, base) = (self.base(&sources.next()?.kind), self.base(&column.kind));
        match of {
            _ if table.partitions.is_some() => None,
            _ if NUMBERS.contains(&of) && NUMBERS.contains(&base) => Some(format!("{from} * 2")),
            _ if TEXTS.contains(&of) && TEXTS.contains(&base) => Some(format!("left({from}, 5)")),
            "date" if base == "date" => Some(format!("{from} + 1")),
            _ => None,
        }
    }

    /// Whether a new column has values in rows that are there.
    pub(crate) fn fills_itself(&self, table: &Table, column: &Column) -> bool {
        let definition = self.definition(table, column);
        definition.contains(" DEFAULT ") && !definition.contains(" DEFAULT NULL") || definition.contains(" GENERATED ")
    }

    fn write_part(&self, sql: &mut String, table: &Table, part: &Part) {
        let (name, on, field) = (&part.name, &table.name, &part.column);
        let columns = self.columns(table);
        let Some(column) = columns.into_iter().find(|column| &column.name == field) else {
            return;
        };
        let base = self.base(&column.kind);
        let number = NUMBERS.contains(&base);
        let orders = !matches!(base, "composite");
        let partitioned = table.partitions.is_some();
        let keys = if partitioned && field != "id" { format!("id, {field}") } else { field.clone() };
        let constraint = |text: String| Some(format!("ALTER TABLE {on} ADD CONSTRAINT {name} {text};"));
        let statement = match &part.kind {
            Kind::Primary => constraint(format!("PRIMARY KEY ({keys})")),
            Kind::Unique if orders => constraint(format!("UNIQUE ({keys})")),
            Kind::UniqueIndex if orders => Some(format!("CREATE UNIQUE INDEX {name} ON {on} ({keys});")),
            Kind::Check(than) => constraint(format!("CHECK ({})", condition(field, base, *than))),
            Kind::CheckBy(function) if number && self.has_function(function) => {
                constraint(format!("CHECK ({function}({field}::bigint) > 0)"))
            }
            Kind::Foreign { to, action } if base == "integer" || base == "bigint" || base == "smallint" => {
                let target = self.table(to).filter(|target| target.partitions.is_none() && target.parent.is_none());
                let keyed = target.is_some_and(|target| target.parts.iter().any(|part| matches!(part.kind, Kind::Primary) && part.column == "id"));
                if keyed && self.generation(table, column).is_none() { constraint(format!("FOREIGN KEY ({field}) REFERENCES {to} (id) {action}")) } else { None }
            }
            Kind::Index("gin") if base == "jsonb" || base == "text[]" => {
                Some(format!("CREATE INDEX {name} ON {on} USING gin ({field});"))
            }
            Kind::Index(method) if orders && *method != "gin" && (*method == "btree" || !matches!(base, "jsonb" | "text[]" | "enum")) => {
                Some(format!("CREATE INDEX {name} ON {on} USING {method} ({field});"))
            }
            Kind::Partial(than) if orders => {
                Some(format!("CREATE INDEX {name} ON {on} ({field}) WHERE {};", condition(field, base, *than)))
            }
            Kind::Computed(function) if number && self.has_function(function) => {
                Some(format!("CREATE INDEX {name} ON {on} ({function}({field}::bigint));"))
            }
            Kind::Trigger(events) => {
                let events = events.replace("$", field);
                Some(format!("CREATE TRIGGER {name} BEFORE {events} ON {on} FOR EACH ROW EXECUTE FUNCTION touch();"))
            }
            Kind::Policy(than) => Some(format!("CREATE POLICY {name} ON {on} USING ({});", condition(field, base, *than))),
            Kind::Statistics if orders && base != "jsonb" && field != "id" => {
                Some(format!("CREATE STATISTICS {name} ON id, {field} FROM {on};"))
            }
            Kind::Rule if !partitioned => Some(format!(
                "CREATE RULE {name} AS ON UPDATE TO {on} WHERE new.{field} IS NULL AND old.id < 0 DO INSTEAD NOTHING;"
            )),
            _ => None,
        };
        let Some(statement) = statement else { return };
        let _ = writeln!(sql, "{statement}");
        let what = match part.kind {
            _ if !part.comment => return,
            Kind::Trigger(_) => format!("TRIGGER {name} ON {on}"),
            Kind::Policy(_) => format!("POLICY {name} ON {on}"),
            Kind::Rule => format!("RULE {name} ON {on}"),
            Kind::Statistics => format!("STATISTICS {name}"),
            Kind::Index(_) | Kind::UniqueIndex | Kind::Partial(_) | Kind::Computed(_) => format!("INDEX {name}"),
            _ => format!("CONSTRAINT {name} ON {on}"),
        };
        let _ = writeln!(sql, "COMMENT ON {what} IS 'why';");
    }

    fn write_view(&self, sql: &mut String, view: &View) {
        let of = self.relation_columns(&view.of);
        let (name, from) = (&view.name, &view.of);
        if of.is_empty() {
            return;
        }
        let mut columns: Vec<String> = if view.star {
            vec!["*".to_owned()]
        } else {
            let own = of.iter().map(|(name, _)| name.clone());
            own.filter(|name| view.columns.contains(name) || name == "id").collect()
        };
        if let Some(function) = view.function.as_deref().filter(|name| self.has_function(name)) {
            if of.iter().any(|(name, _)| name == "computed") {
                columns.retain(|column| column != "computed" && column != "*");
                if columns.is_empty() {
                    columns.push("id".to_owned());
                }
            }
            columns.push(format!("{function}(id::bigint) AS computed"));
        }
        let filter = view.filter.map(|than| format!(" WHERE id <> {than}")).unwrap_or_default();
        let kind = if view.materialized { "MATERIALIZED VIEW" } else { "VIEW" };
        let _ = writeln!(sql, "CREATE {kind} {name} AS SELECT {} FROM {from}{filter};", columns.join(", "));
        if view.index && view.materialized {
            let _ = writeln!(sql, "CREATE UNIQUE INDEX {name}_id ON {name} (id);");
        }
        if view.comment {
            let _ = writeln!(sql, "COMMENT ON {kind} {name} IS 'seen'; COMMENT ON COLUMN {name}.id IS 'key';");
        }
        if view.grant {
            let _ = writeln!(sql, "GRANT SELECT ON {name} TO $maintenance; GRANT SELECT (id) ON {name} TO $backup;");
        }
    }

    /// Three rows for each table, and one default per type that holds for all of them.
    pub(crate) fn rows(&self) -> String {
        let mut sql = String::new();
        for table in &self.tables {
            for row in 1..=3 {
                let columns = self.columns(table);
                let given: Vec<&&Column> = columns
                    .iter()
                    .filter(|column| self.generation(table, column).is_none())
                    .collect();
                let names: Vec<&str> = given.iter().map(|column| column.name.as_str()).collect();
                let values: Vec<String> = given
                    .iter()
                    .map(|column| match self.base(&column.kind) {
                        "composite" => "NULL".to_owned(),
                        base => literal(base, row),
                    })
                    .collect();
                let _ = writeln!(
                    sql,
                    "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({});",
                    table.name,
                    names.join(", "),
                    values.join(", ")
                );
            }
        }
        sql
    }
}

/// A value of a type, which those of related types take too.
pub(crate) fn literal(base: &str, number: usize) -> String {
    match base {
        "enum" => "'a'".to_owned(),
        "composite" => "NULL".to_owned(),
        "text[]" => format!("ARRAY['{number}']"),
        "date" | "timestamptz" => format!("'2026-01-0{number}'"),
        _ if NUMBERS.contains(&base) => number.to_string(),
        _ => format!("'{number}'"),
    }
}

/// What holds for all rows.
fn condition(field: &str, base: &str, number: i32) -> String {
    match base {
        "enum" => format!("{field} >= 'a' OR {number} > 0"),
        "composite" => format!("({field}) IS NULL OR {number} > 0"),
        "text[]" => format!("cardinality({field}) < {}", number + 10),
        "jsonb" => format!("{field} <> '{number}0'"),
        "date" | "timestamptz" => format!("{field} > '190{number}-01-01'"),
        _ if NUMBERS.contains(&base) => format!("{field} > -{number}"),
        _ => format!("{field} <> 'x{number}'"),
    }
}
