//! The making of a random schema: one method for each kind of object, which adds its statements to those before.

use std::fmt::Write as _;

use super::Dice;

/// A type of columns, with an expression over a number `n` that gives its values.
const TYPES: [(&str, &str); 18] = [
    ("integer", "n * 7 % 1000"),
    ("bigint", "n * 12345678901"),
    ("numeric(20, 4)", "n / 7.0"),
    ("double precision", "sqrt(n) - 5"),
    ("text", "repeat(chr(n % 500 + 1), n % 40) || E'\\\\'"),
    ("varchar(30)", "left(md5(n::text), n % 30)"),
    ("char(5)", "chr(n % 90 + 32)"),
    ("boolean", "n % 3 = 0"),
    ("date", "date '0001-01-01 BC' + n * 1000"),
    (
        "timestamptz",
        "timestamptz '2026-01-01 00:00+00' + n * interval '1 day 1.000001 s'",
    ),
    ("interval", "make_interval(months => n, secs => -n / 3.0)"),
    ("bytea", "decode(md5(n::text), 'hex')"),
    ("jsonb", "jsonb_build_object('k' || n, ARRAY[n, NULL])"),
    ("uuid", "md5(n::text)::uuid"),
    ("integer[]", "ARRAY[n, NULL, -n]"),
    ("text[]", "ARRAY[chr(n % 200 + 1), '', NULL]"),
    ("int4range", "int4range(n, n + 10)"),
    ("inet", "inet '10.0.0.0' + n"),
];

/// A column that children and partitions cannot get from their parent.
const IDENTITY: &str = "counted int GENERATED ALWAYS AS IDENTITY";

fn without_identity(definition: &str) -> String {
    definition.replace(&format!(", {IDENTITY}"), "")
}

/// A table that later objects may rest on.
struct Table {
    name: String,
    /// Names and types; the first is `id`.
    columns: Vec<(String, usize)>,
    referable: bool,
}

/// What has been written so far.
pub(super) struct Schema {
    dice: Dice,
    sql: String,
    number: usize,
    tables: Vec<Table>,
    views: Vec<String>,
    functions: Vec<String>,
}

impl Schema {
    /// SQL that makes about `size` objects.
    pub(super) fn generate(seed: u64, size: usize) -> String {
        let mut schema = Self {
            dice: Dice(seed),
            sql: String::from(
                "CREATE SCHEMA \"Sch 1\"; CREATE SCHEMA z; CREATE SCHEMA \"a\"\"b\";\n",
            ),
            number: 0,
            tables: Vec::new(),
            views: Vec::new(),
            functions: Vec::new(),
        };
        for _ in 0..5 {
            schema.table();
        }
        while schema.number < size {
            match schema.dice.roll(14) {
                0..=2 => schema.table(),
                3 => schema.partitioned(),
                4 => schema.child(),
                5 => schema.view(""),
                6 => schema.view("MATERIALIZED "),
                7 => schema.index(),
                8 => schema.function(),
                9 => schema.constraint(),
                10 => schema.trigger(),
                11 => schema.type_with_table(),
                12 => schema.sequence(),
                _ => schema.remark(),
            }
        }
        schema.sql
    }

    fn add(&mut self, statement: &str) {
        writeln!(self.sql, "{statement};").unwrap();
    }

    /// A new name in one of the schemas, quoted.
    fn name(&mut self, kind: &str) -> String {
        self.number += 1;
        let schemas = ["public", "\"Sch 1\"", "z", "\"a\"\"b\""];
        let schema = schemas[self.dice.roll(schemas.len())];
        let odd = ["", " ", "\"\"", "É", "\\", "'", "%", "$1", ";"];
        let odd = odd[self.dice.roll(odd.len())];
        format!("{schema}.\"{kind}{}{odd}\"", self.number)
    }

    fn columns(&mut self) -> Vec<(String, usize)> {
        let count = 1 + self.dice.roll(6);
        let mut columns = vec![("id".to_owned(), 1)];
        for place in 0..count {
            columns.push((format!("\"c {place}\""), self.dice.roll(TYPES.len())));
        }
        columns
    }

    fn definition(&mut self, columns: &[(String, usize)]) -> String {
        let mut parts = Vec::new();
        for (name, kind) in columns {
            let kind = TYPES[*kind].0;
            let mut part = format!("{name} {kind}");
            if kind == "integer" && self.dice.chance(30) {
                part.push_str(" DEFAULT 7");
            }
            parts.push(part);
        }
        if self.dice.chance(25) {
            parts.push("computed bigint GENERATED ALWAYS AS (id % 7) STORED".to_owned());
        }
        if self.dice.chance(25) {
            parts.push(IDENTITY.to_owned());
        }
        parts.join(", ")
    }

    fn rows(&mut self, table: &str, columns: &[(String, usize)], rows: usize) {
        let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        let values: Vec<String> = columns
            .iter()
            .map(|(name, kind)| match name.as_str() {
                "id" => "n".to_owned(),
                _ => format!("CASE WHEN n % 11 > 0 THEN {} END", TYPES[*kind].1),
            })
            .collect();
        self.add(&format!(
            "INSERT INTO {table} ({}) SELECT {} FROM generate_series(1, {rows}) AS n",
            names.join(", "),
            values.join(", ")
        ));
    }

    fn table(&mut self) {
        let (name, columns) = (self.name("table"), self.columns());
        let definition = self.definition(&columns);
        let unlogged = if self.dice.chance(10) {
            "UNLOGGED "
        } else {
            ""
        };
        self.add(&format!("CREATE {unlogged}TABLE {name} ({definition})"));
        let rows = [0, 1, 10, 100, 700][self.dice.roll(5)];
        self.rows(&name, &columns, rows);
        let referable = unlogged.is_empty() && self.dice.chance(60);
        if referable {
            self.add(&format!("ALTER TABLE {name} ADD PRIMARY KEY (id)"));
        }
        if self.dice.chance(20) {
            self.add(&format!(
                "ALTER TABLE {name} ADD gone int DEFAULT 1, ADD late text DEFAULT 'late'"
            ));
            self.add(&format!("ALTER TABLE {name} DROP gone"));
        }
        self.tables.push(Table {
            name,
            columns,
            referable,
        });
    }

    fn partitioned(&mut self) {
        let (name, columns) = (self.name("parted"), self.columns());
        let definition = without_identity(&self.definition(&columns));
        if self.dice.chance(50) {
            self.add(&format!(
                "CREATE TABLE {name} ({definition}) PARTITION BY HASH (id)"
            ));
            for remainder in 0..3 {
                let part = self.name("part");
                let values = format!("WITH (MODULUS 3, REMAINDER {remainder})");
                self.add(&format!(
                    "CREATE TABLE {part} PARTITION OF {name} FOR VALUES {values}"
                ));
            }
        } else {
            self.add(&format!(
                "CREATE TABLE {name} ({definition}) PARTITION BY RANGE (id)"
            ));
            let (low, rest) = (self.name("part"), self.name("part"));
            self.add(&format!(
                "CREATE TABLE {low} PARTITION OF {name} FOR VALUES FROM (MINVALUE) TO (50)"
            ));
            self.add(&format!("CREATE TABLE {rest} PARTITION OF {name} DEFAULT"));
        }
        self.rows(&name, &columns, 90);
    }

    /// Of a table that gets no more columns.
    fn child(&mut self) {
        let (parent, name) = (self.name("parent"), self.name("child"));
        let columns = self.columns();
        let definition = without_identity(&self.definition(&columns));
        self.add(&format!("CREATE TABLE {parent} ({definition})"));
        self.rows(&parent, &columns, 5);
        self.add(&format!(
            "CREATE TABLE {name} (more text DEFAULT 'more') INHERITS ({parent})"
        ));
        self.rows(&name, &columns, 8);
    }

    /// A table of the schema, by its place.
    fn any(&mut self) -> usize {
        self.dice.roll(self.tables.len())
    }

    fn view(&mut self, kind: &str) {
        let (name, place) = (self.name("view"), self.any());
        let from = &self.tables[place].name;
        let mut query = format!("SELECT id, count(*) AS \"how many\" FROM {from} GROUP BY id");
        if !self.views.is_empty() && self.dice.chance(50) {
            let views = self.views.len();
            let other = &self.views[self.dice.roll(views)];
            query = format!(
                "SELECT t.id, v.\"how many\" FROM {from} AS t JOIN {other} AS v USING (id)"
            );
        }
        let empty = if kind.is_empty() || self.dice.chance(80) {
            ""
        } else {
            " WITH NO DATA"
        };
        self.add(&format!("CREATE {kind}VIEW {name} AS {query}{empty}"));
        if !kind.is_empty() {
            self.add(&format!("CREATE INDEX ON {name} (id)"));
        }
        // What rests on an empty materialized view could not be filled.
        if empty.is_empty() {
            self.views.push(name);
        }
    }

    fn index(&mut self) {
        let place = self.any();
        let columns = self.tables[place].columns.len();
        let (column, kind) = self.tables[place].columns[self.dice.roll(columns)].clone();
        let table = &self.tables[place].name;
        let method = match TYPES[kind].0 {
            "jsonb" | "integer[]" | "text[]" => "gin",
            "int4range" => "gist",
            _ => ["btree", "btree", "hash", "brin"][self.dice.roll(4)],
        };
        let condition = if self.dice.chance(30) {
            " WHERE id > 3"
        } else {
            ""
        };
        let method = if TYPES[kind].0 == "boolean" {
            "btree"
        } else {
            method
        };
        self.number += 1;
        let index = format!("\"index {}\"", self.number);
        self.add(&format!(
            "CREATE INDEX {index} ON {table} USING {method} ({column}){condition}"
        ));
    }

    fn function(&mut self) {
        let (name, place) = (self.name("function"), self.any());
        let table = &self.tables[place].name;
        let body = match self.functions.len() {
            count if count > 0 && self.dice.chance(40) => {
                format!("SELECT {}(a + 1)", self.functions[self.dice.roll(count)])
            }
            _ => format!("SELECT count(*) + a FROM {table}"),
        };
        if self.dice.chance(50) {
            self.add(&format!(
                "CREATE FUNCTION {name}(a bigint DEFAULT 5) RETURNS bigint LANGUAGE sql STABLE BEGIN ATOMIC {body}; END"
            ));
        } else {
            self.add(&format!(
                "CREATE FUNCTION {name}(a bigint) RETURNS bigint LANGUAGE sql STABLE COST 7 AS $f${body}$f$"
            ));
        }
        self.functions.push(name);
    }

    fn constraint(&mut self) {
        let (place, other) = (self.any(), self.any());
        self.number += 1;
        let (number, table) = (self.number, self.tables[place].name.clone());
        if self.tables[other].referable && self.dice.chance(60) {
            let other = self.tables[other].name.clone();
            // Rows that refer to nothing are there already.
            self.add(&format!(
                "ALTER TABLE {table} ADD CONSTRAINT \"refers {number}\" FOREIGN KEY (id) REFERENCES {other} DEFERRABLE NOT VALID"
            ));
        } else if self.dice.chance(50) {
            self.add(&format!(
                "ALTER TABLE {table} ADD CONSTRAINT \"checks {number}\" CHECK (id > -{number})"
            ));
        } else {
            self.add(&format!(
                "ALTER TABLE {table} ADD CONSTRAINT \"checks {number}\" CHECK (id < 5) NOT VALID"
            ));
        }
    }

    fn trigger(&mut self) {
        let (function, place) = (self.name("trigger"), self.any());
        let table = self.tables[place].name.clone();
        self.add(&format!(
            "CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'never'; END $$"
        ));
        let number = self.number;
        self.add(&format!(
            "CREATE TRIGGER \"t {number}\" BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {function}('{number}')"
        ));
        // What comes later must be able to add rows.
        self.tables.remove(place);
        if self.tables.is_empty() {
            self.table();
        }
    }

    fn type_with_table(&mut self) {
        let (mood, domain, pair) = (self.name("enum"), self.name("domain"), self.name("pair"));
        let table = self.name("typed");
        self.add(&format!(
            "CREATE TYPE {mood} AS ENUM ('one', 'it''s two', '\\.')"
        ));
        self.add(&format!(
            "CREATE DOMAIN {domain} AS int DEFAULT 3 CHECK (VALUE > 0)"
        ));
        self.add(&format!("CREATE TYPE {pair} AS (m {mood}, d {domain}[])"));
        self.add(&format!(
            "CREATE TABLE {table} (m {mood} DEFAULT 'one', d {domain}, p {pair}, ps {pair}[])"
        ));
        self.add(&format!(
            "INSERT INTO {table} SELECT '\\.', n, ('(\"it''s two\",\"{{' || n || ',1}}\")')::{pair}, ARRAY[ROW('\\.', NULL)::{pair}]
             FROM generate_series(1, 6) AS n"
        ));
    }

    fn sequence(&mut self) {
        let name = self.name("sequence");
        let step = [1, -1, 10, 7][self.dice.roll(4)];
        self.add(&format!("CREATE SEQUENCE {name} INCREMENT BY {step}"));
        let quoted = name.replace('\'', "''");
        let calls = self.dice.roll(4);
        self.add(&format!(
            "SELECT nextval('{quoted}') FROM generate_series(1, {calls})"
        ));
    }

    fn remark(&mut self) {
        let place = self.any();
        self.number += 1;
        let (number, table) = (self.number, self.tables[place].name.clone());
        match self.dice.roll(4) {
            0 => self.add(&format!(
                "COMMENT ON TABLE {table} IS E'remark {number} \\\\ it''s\\n-- so'"
            )),
            1 => self.add(&format!("GRANT SELECT (id), UPDATE ON {table} TO $app")),
            2 => self.add(&format!(
                "CREATE POLICY \"p {number}\" ON {table} TO $app USING (id > {number})"
            )),
            _ => self.add(&format!(
                "CREATE STATISTICS public.\"s {number}\" ON (id % 3), (id % 5) FROM {table}"
            )),
        }
    }
}
