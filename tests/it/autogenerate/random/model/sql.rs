//! The SQL that makes a schema, and rows for its tables.

use std::fmt::Write as _;

use super::{Column, Kind, Model, NUMBERS, Part, TEXTS, Table, Value, View};

impl Model {
    /// The statements that make it.
    pub(in super::super) fn sql(&self) -> String {
        let mut sql = String::new();
        for each in &self.enums {
            let labels: Vec<_> = each
                .labels
                .iter()
                .map(|label| format!("'{label}'"))
                .collect();
            let _ = writeln!(
                sql,
                "CREATE TYPE {} AS ENUM ({});",
                each.name,
                labels.join(", ")
            );
        }
        for each in &self.composites {
            let fields: Vec<_> = each
                .fields
                .iter()
                .map(|(name, kind)| format!("{name} {kind}"))
                .collect();
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
                let _ = writeln!(
                    sql,
                    "COMMENT ON FUNCTION {name}(bigint) IS 'adds {}';",
                    each.adds
                );
            }
            if each.grant {
                let _ = writeln!(
                    sql,
                    "REVOKE ALL ON FUNCTION {name}(bigint) FROM PUBLIC; GRANT EXECUTE ON FUNCTION {name}(bigint) TO $app;"
                );
            }
        }
        let _ = writeln!(
            sql,
            "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        );
        for each in &self.domains {
            let _ = write!(sql, "CREATE DOMAIN {} AS {}", each.name, each.base);
            if each.default {
                let _ = write!(sql, " DEFAULT {}", literal(each.base, 2));
            }
            if let Some(number) = each.check {
                let check = condition("VALUE", each.base, number);
                let _ = write!(sql, " CONSTRAINT {}_ok CHECK ({check})", each.name);
            }
            if let Some(function) = each
                .function
                .as_deref()
                .filter(|name| self.has_function(name) && NUMBERS.contains(&each.base))
            {
                let _ = write!(
                    sql,
                    " CONSTRAINT {}_by CHECK ({function}(VALUE::bigint) > 0)",
                    each.name
                );
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
        for column in table
            .columns
            .iter()
            .filter(|column| column.value == Value::Serial)
        {
            let _ = writeln!(sql, "CREATE SEQUENCE {name}_{}_seq AS bigint;", column.name);
        }
        let columns: Vec<_> = table
            .columns
            .iter()
            .map(|column| self.definition(table, column))
            .collect();
        let unlogged = if table.unlogged && table.partitions.is_none() {
            "UNLOGGED "
        } else {
            ""
        };
        let _ = write!(
            sql,
            "CREATE {unlogged}TABLE {name} ({})",
            columns.join(", ")
        );
        if let Some(parent) = table
            .parent
            .as_deref()
            .filter(|parent| self.table(parent).is_some())
        {
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
            let _ = writeln!(
                sql,
                "CREATE TABLE {name}_{low} PARTITION OF {name} FOR VALUES FROM ({low}) TO ({high});"
            );
        }
        for column in &table.columns {
            let field = &column.name;
            if column.value == Value::Serial {
                let _ = writeln!(
                    sql,
                    "ALTER SEQUENCE {name}_{field}_seq OWNED BY {name}.{field};"
                );
            }
            if column.comment {
                let _ = writeln!(
                    sql,
                    "COMMENT ON COLUMN {name}.{field} IS 'what {field} is';"
                );
            }
            if column.grant {
                let _ = writeln!(
                    sql,
                    "GRANT SELECT ({field}), UPDATE ({field}) ON {name} TO $maintenance;"
                );
            }
            if let Some(target) = column.statistics {
                let _ = writeln!(
                    sql,
                    "ALTER TABLE {name} ALTER {field} SET STATISTICS {target};"
                );
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
            Value::Identity(how)
                if ["smallint", "integer", "bigint"].contains(&column.kind.as_str())
                    && table.partitions.is_none() =>
            {
                let _ = write!(text, " GENERATED {how} AS IDENTITY");
            }
            Value::Serial if ["integer", "bigint"].contains(&base) => {
                let _ = write!(
                    text,
                    " DEFAULT nextval('{}_{}_seq')",
                    table.name, column.name
                );
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
        let Value::Generated(from) = &column.value else {
            return None;
        };
        let sources = self.columns(table).into_iter();
        let mut sources =
            sources.filter(|each| &each.name == from && !matches!(each.value, Value::Generated(_)));
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
    pub(in super::super) fn fills_itself(&self, table: &Table, column: &Column) -> bool {
        let definition = self.definition(table, column);
        definition.contains(" DEFAULT ") && !definition.contains(" DEFAULT NULL")
            || definition.contains(" GENERATED ")
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
        let keys = if partitioned && field != "id" {
            format!("id, {field}")
        } else {
            field.clone()
        };
        let constraint =
            |text: String| Some(format!("ALTER TABLE {on} ADD CONSTRAINT {name} {text};"));
        let statement = match &part.kind {
            Kind::Primary => constraint(format!("PRIMARY KEY ({keys})")),
            Kind::Unique if orders => constraint(format!("UNIQUE ({keys})")),
            Kind::UniqueIndex if orders => {
                Some(format!("CREATE UNIQUE INDEX {name} ON {on} ({keys});"))
            }
            Kind::Check(than) => constraint(format!("CHECK ({})", condition(field, base, *than))),
            Kind::CheckBy(function) if number && self.has_function(function) => {
                constraint(format!("CHECK ({function}({field}::bigint) > 0)"))
            }
            Kind::Foreign { to, action }
                if base == "integer" || base == "bigint" || base == "smallint" =>
            {
                let target = self
                    .table(to)
                    .filter(|target| target.partitions.is_none() && target.parent.is_none());
                let keyed = target.is_some_and(|target| {
                    target
                        .parts
                        .iter()
                        .any(|part| matches!(part.kind, Kind::Primary) && part.column == "id")
                });
                if keyed && self.generation(table, column).is_none() {
                    constraint(format!(
                        "FOREIGN KEY ({field}) REFERENCES {to} (id) {action}"
                    ))
                } else {
                    None
                }
            }
            Kind::Index("gin") if base == "jsonb" || base == "text[]" => {
                Some(format!("CREATE INDEX {name} ON {on} USING gin ({field});"))
            }
            Kind::Index(method)
                if orders
                    && *method != "gin"
                    && (*method == "btree" || !matches!(base, "jsonb" | "text[]" | "enum")) =>
            {
                Some(format!(
                    "CREATE INDEX {name} ON {on} USING {method} ({field});"
                ))
            }
            Kind::Partial(than) if orders => Some(format!(
                "CREATE INDEX {name} ON {on} ({field}) WHERE {};",
                condition(field, base, *than)
            )),
            Kind::Computed(function) if number && self.has_function(function) => Some(format!(
                "CREATE INDEX {name} ON {on} ({function}({field}::bigint));"
            )),
            Kind::Trigger(events) => {
                let events = events.replace('$', field);
                Some(format!(
                    "CREATE TRIGGER {name} BEFORE {events} ON {on} FOR EACH ROW EXECUTE FUNCTION touch();"
                ))
            }
            Kind::Policy(than) => Some(format!(
                "CREATE POLICY {name} ON {on} USING ({});",
                condition(field, base, *than)
            )),
            Kind::Statistics if orders && base != "jsonb" && field != "id" => Some(format!(
                "CREATE STATISTICS {name} ON id, {field} FROM {on};"
            )),
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
            Kind::Index(_) | Kind::UniqueIndex | Kind::Partial(_) | Kind::Computed(_) => {
                format!("INDEX {name}")
            }
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
            own.filter(|name| view.columns.contains(name) || name == "id")
                .collect()
        };
        if let Some(function) = view
            .function
            .as_deref()
            .filter(|name| self.has_function(name))
        {
            if of.iter().any(|(name, _)| name == "computed") {
                columns.retain(|column| column != "computed" && column != "*");
                if columns.is_empty() {
                    columns.push("id".to_owned());
                }
            }
            columns.push(format!("{function}(id::bigint) AS computed"));
        }
        let filter = view
            .filter
            .map(|than| format!(" WHERE id <> {than}"))
            .unwrap_or_default();
        let kind = if view.materialized {
            "MATERIALIZED VIEW"
        } else {
            "VIEW"
        };
        let _ = writeln!(
            sql,
            "CREATE {kind} {name} AS SELECT {} FROM {from}{filter};",
            columns.join(", ")
        );
        if view.index && view.materialized {
            let _ = writeln!(sql, "CREATE INDEX {name}_id ON {name} (id);");
        }
        if view.comment {
            let _ = writeln!(
                sql,
                "COMMENT ON {kind} {name} IS 'seen'; COMMENT ON COLUMN {name}.id IS 'key';"
            );
        }
        if view.grant {
            let _ = writeln!(
                sql,
                "GRANT SELECT ON {name} TO $maintenance; GRANT SELECT (id) ON {name} TO $backup;"
            );
        }
    }

    /// Three rows for each table, and one default per type that holds for all of them.
    pub(in super::super) fn rows(&self) -> String {
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
fn literal(base: &str, number: usize) -> String {
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
