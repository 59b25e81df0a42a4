//! The tables of a database as they are found: their rows, the files that these lie in, and what else is kept beside the
//! schema. And what must be there of it after a change.

use std::collections::{BTreeMap, BTreeSet};

use pgsteward::proto::Finding;
use tokio_postgres::{Client, Error, SimpleQueryMessage};

use super::pair::Answers;

const TABLES: &str = "
SELECT c.oid::regclass::text, n.nspname || '.' || c.relname, c.relkind::text, c.relfilenode::text,
    ARRAY(WITH RECURSIVE above AS (
            SELECT inhparent FROM pg_inherits WHERE inhrelid = c.oid
            UNION SELECT i.inhparent FROM pg_inherits i JOIN above a ON i.inhrelid = a.inhparent)
        SELECT an.nspname || '.' || ac.relname
        FROM above JOIN pg_class ac ON ac.oid = inhparent JOIN pg_namespace an ON an.oid = ac.relnamespace)::text[]
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    AND n.nspname NOT LIKE 'pg_toast%' AND c.relname <> 'alembic_version'
    AND NOT EXISTS (
        SELECT FROM pg_partition_tree(c.oid) part JOIN pg_class pc ON pc.oid = part.relid WHERE pc.relkind = 'f')
ORDER BY 2";

/// The type of a column with its own columns, where it has any: of a row type that has got another one the old text is not
/// what a value has afterwards.
const COLUMNS: &str = "
SELECT quote_ident(attname), attname::text,
    format_type(atttypid, atttypmod) || coalesce((
        SELECT string_agg(format_type(part.atttypid, part.atttypmod), ' ' ORDER BY part.attnum)
        FROM pg_type t LEFT JOIN pg_type element ON element.oid = t.typelem
        JOIN pg_attribute part ON part.attrelid = coalesce(nullif(t.typrelid, 0), element.typrelid)
        WHERE t.oid = a.atttypid AND part.attnum > 0 AND NOT part.attisdropped), ''),
    attgenerated <> ''
FROM pg_attribute a
WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum";

/// What a schema's dump does not tell: what ascending sequences give next, and whether materialized views can be read.
const SEQUENCES: &str = "
SELECT quote_ident(schemaname) || '.' || quote_ident(sequencename) FROM pg_sequences WHERE increment_by > 0";
const VIEWS: &str = "
SELECT quote_ident(schemaname) || '.' || quote_ident(matviewname), ispopulated FROM pg_matviews";

/// One table.
#[derive(Clone, Debug)]
struct Table {
    /// `p` for a partitioned one, whose rows are those of its partitions.
    kind: String,
    filenode: String,
    /// Partitioned tables and parents above it.
    above: Vec<String>,
    columns: Vec<Column>,
    rows: Vec<Vec<Option<String>>>,
}

#[derive(Clone, Debug)]
struct Column {
    name: String,
    type_name: String,
    generated: bool,
}

/// All tables by their names, `schema.table`, as they are found.
#[derive(Clone, Debug, Default)]
pub(super) struct Tables {
    by_name: BTreeMap<String, Table>,
    /// The value that each sequence gives next, and whether it has given one.
    next_values: BTreeMap<String, (i64, bool)>,
    /// Materialized views: whether they are populated.
    populated: BTreeMap<String, bool>,
}

impl Tables {
    /// Reads them all.
    pub(super) async fn of(session: &Client) -> Result<Self, String> {
        let found = Self::read(session).await;
        found.map_err(|error| format!("{error:?}"))
    }

    async fn read(session: &Client) -> Result<Self, Error> {
        let mut by_name = BTreeMap::new();
        for row in session.query(TABLES, &[]).await? {
            let quoted: String = row.get(0);
            let kind: String = row.get(2);
            let found = session.query(COLUMNS, &[&quoted]).await?;
            let read: Vec<String> = found
                .iter()
                .map(|column| format!("{}::text", column.get::<_, String>(0)))
                .collect();
            let only = if kind == "p" { "" } else { "ONLY " };
            let query = format!("SELECT {} FROM {only}{quoted}", read.join(", "));
            let table = Table {
                kind,
                filenode: row.get(3),
                above: row.get(4),
                columns: found
                    .iter()
                    .map(|column| Column {
                        name: column.get(1),
                        type_name: column.get(2),
                        generated: column.get(3),
                    })
                    .collect(),
                rows: rows(session, &query).await?,
            };
            by_name.insert(row.get(1), table);
        }
        Ok(Self {
            by_name,
            next_values: next_values(session).await?,
            populated: populated(session).await?,
        })
    }

    /// What is lost in `after` of these, although no finding says so: one line each.
    pub(super) fn lost_in(&self, after: &Self, answers: &Answers, said: &Said) -> Vec<String> {
        let mut lost = Vec::new();
        for (name, table) in self
            .by_name
            .iter()
            .filter(|(_, table)| !table.rows.is_empty())
        {
            if said.destroys(&self.with_above(name)) {
                continue;
            }
            let new_name = answers.table(name);
            let Some(now) = after.by_name.get(&new_name) else {
                lost.push(format!(
                    "{name} is gone with its rows, and no finding says so"
                ));
                continue;
            };
            // Partitions that came or went took their rows along.
            if table.kind == "p" && now.kind == "p" && self.leaves(name) != after.leaves(&new_name)
            {
                continue;
            }
            if table.rows.len() != now.rows.len() {
                let (was, is) = (table.rows.len(), now.rows.len());
                lost.push(format!(
                    "{name} had {was} rows and has {is}, and no finding says so"
                ));
                continue;
            }
            let columns = table.columns_in(now, |column| answers.column(name, column));
            lost.extend(table.lost_columns(name, &columns, said));
            lost.extend(table.changed_values(name, now, &columns, said));
        }
        lost.extend(self.lost_beside(after));
        lost
    }

    /// Sequences that would give a value again, and materialized views that can no longer be read.
    fn lost_beside(&self, after: &Self) -> Vec<String> {
        let used = self.next_values.iter().filter(|(_, (_, used))| *used);
        let values = used.filter_map(|(name, (was, _))| {
            let (is, _) = after.next_values.get(name).filter(|(is, _)| is < was)?;
            Some(format!("{name} would have given {was} and gives {is}"))
        });
        let views = self
            .populated
            .iter()
            .filter(|(name, was)| **was && after.populated.get(*name) == Some(&false));
        let views = views.map(|(name, _)| format!("{name} was populated and is not"));
        values.chain(views).collect()
    }

    /// The tables that were written anew in `after`, although no finding says so: one line each.
    pub(super) fn rewritten_in(&self, after: &Self, answers: &Answers, said: &Said) -> Vec<String> {
        let plain = self.by_name.iter().filter(|(_, table)| table.kind == "r");
        let same = plain.filter_map(|(name, table)| {
            let now = after.by_name.get(&answers.table(name))?;
            (now.kind == "r" && now.filenode != table.filenode).then_some(name)
        });
        same.filter(|name| !said.rewrites(&self.with_above(name)))
            .map(|name| format!("{name} has another relfilenode, and no finding says so"))
            .collect()
    }

    /// How many rows each table has that `other` has too, where these are not as many: one line each.
    pub(super) fn counts_against(&self, other: &Self, said: &Said) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, table) in &other.by_name {
            let now = self.by_name.get(name).map(|table| table.rows.len());
            let said = said.destroys(&other.with_above(name)) || table.kind == "p";
            if now != Some(table.rows.len()) && !said {
                let was = table.rows.len();
                lines.push(format!(
                    "{name} had {was} rows before the upgrade and has {now:?} after the downgrade"
                ));
            }
        }
        lines
    }

    fn with_above<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        let above = self.by_name[name].above.iter();
        above.map(String::as_str).chain([name]).collect()
    }

    /// The tables that hold a partitioned table's rows.
    fn leaves(&self, root: &str) -> Vec<&str> {
        let below = self.by_name.iter().filter(|(_, table)| {
            table.kind == "r" && table.above.iter().any(|above| above == root)
        });
        below.map(|(name, _)| name.as_str()).collect()
    }
}

impl Table {
    /// Each column's place here, and in the other, where it has it.
    fn columns_in(
        &self,
        other: &Self,
        renamed: impl Fn(&str) -> String,
    ) -> Vec<(usize, Option<usize>)> {
        let place = |name: String| other.columns.iter().position(|column| column.name == name);
        let columns = self.columns.iter().enumerate();
        columns
            .map(|(here, column)| (here, place(renamed(&column.name))))
            .collect()
    }

    /// Columns that had values and are gone.
    fn lost_columns(
        &self,
        table: &str,
        columns: &[(usize, Option<usize>)],
        said: &Said,
    ) -> Vec<String> {
        let gone = columns.iter().filter(|(_, there)| there.is_none());
        gone.map(|(here, _)| &self.columns[*here])
            .filter(|column| !column.generated && !said.destroys_column(table, &column.name))
            .map(|column| format!("{table}.{} is gone, and no finding says so", column.name))
            .collect()
    }

    /// What values of columns that stayed are not what they were. Of a column of another type it is known only which are
    /// null; one that is computed before and after has what it is computed of.
    fn changed_values(
        &self,
        table: &str,
        now: &Self,
        columns: &[(usize, Option<usize>)],
        said: &Said,
    ) -> Vec<String> {
        let kept: Vec<(usize, usize, bool)> = columns
            .iter()
            .filter_map(|(here, there)| there.map(|there| (*here, there)))
            .filter(|(here, there)| {
                let (was, is) = (&self.columns[*here], &now.columns[*there]);
                !(said.destroys_column(table, &was.name) || was.generated && is.generated)
            })
            .map(|(here, there)| {
                let (was, is) = (&self.columns[here], &now.columns[there]);
                (here, there, was.type_name == is.type_name)
            })
            .collect();
        let seen = |value: &Option<String>, same: bool| match value {
            Some(value) if same => Some(value.clone()),
            other => other.as_ref().map(|_| String::new()),
        };
        let mut was: Vec<Vec<_>> = self
            .rows
            .iter()
            .map(|row| {
                kept.iter()
                    .map(|(here, _, same)| seen(&row[*here], *same))
                    .collect()
            })
            .collect();
        let mut is: Vec<Vec<_>> = now
            .rows
            .iter()
            .map(|row| {
                kept.iter()
                    .map(|(_, there, same)| seen(&row[*there], *same))
                    .collect()
            })
            .collect();
        was.sort();
        is.sort();
        if was == is {
            return Vec::new();
        }
        vec![format!("{table} had the values {was:?} and has {is:?}")]
    }
}

impl Answers {
    /// The name that a table has afterwards.
    fn table(&self, name: &str) -> String {
        let renamed = self.renames.iter().filter_map(|line| line.split_once('='));
        let mut new = renamed.filter(|(old, _)| *old == name).map(|(_, new)| new);
        new.next().unwrap_or(name).to_owned()
    }

    /// The name that a column has afterwards.
    fn column(&self, table: &str, column: &str) -> String {
        let old_name = format!("{table}.{column}");
        let renamed = self.renames.iter().filter_map(|line| line.split_once('='));
        let mut new = renamed
            .filter(|(old, _)| *old == old_name)
            .map(|(_, new)| new);
        let new = new.next().unwrap_or(column);
        new.rsplit('.').next().unwrap_or(new).to_owned()
    }
}

/// The rules by which rows are said to go. That rows are deleted one by one is not said of a change of a schema.
const DROPS: [&str; 3] = ["drop-column", "drop-schema", "drop-table"];

/// What the findings say will happen.
pub(super) struct Said {
    destroyed: BTreeSet<String>,
    rewritten: BTreeSet<String>,
}

impl Said {
    /// Takes the objects out of findings.
    pub(super) fn by<'a>(findings: impl Iterator<Item = &'a Finding>) -> Self {
        let mut said = Self {
            destroyed: BTreeSet::new(),
            rewritten: BTreeSet::new(),
        };
        for finding in findings {
            let in_name = finding
                .name
                .split_once(':')
                .map_or("", |(_, object)| object);
            let objects = [in_name, &finding.object].map(unquoted);
            match finding.category.as_str() {
                "destructive" if DROPS.contains(&finding.rule.as_str()) => {
                    said.destroyed.extend(objects);
                }
                "rewrite" => said.rewritten.extend(objects),
                _ => {}
            }
        }
        said
    }

    /// Whether one of the tables, or its schema, is said to go.
    fn destroys(&self, tables: &[&str]) -> bool {
        let mut names = tables.iter().flat_map(|table| {
            let schema = table.split('.').next().unwrap_or_default();
            [*table, bare(table), schema]
        });
        names.any(|name| self.destroyed.contains(name))
    }

    fn destroys_column(&self, table: &str, column: &str) -> bool {
        let mut names = [table, bare(table)].into_iter();
        names.any(|table| self.destroyed.contains(&format!("{table}.{column}")))
    }

    /// Whether one of the tables, or a column of it, is said to be written anew; one that is made anew is.
    fn rewrites(&self, tables: &[&str]) -> bool {
        let is_about = |said: &String, table: &str| {
            said == table
                || said
                    .strip_prefix(table)
                    .is_some_and(|rest| rest.starts_with('.'))
        };
        let mut names = tables.iter().flat_map(|table| [*table, bare(table)]);
        self.destroys(tables)
            || names.any(|name| self.rewritten.iter().any(|said| is_about(said, name)))
    }
}

/// The name of a table as it is written for the schema `public`.
fn bare(table: &str) -> &str {
    table.strip_prefix("public.").unwrap_or(table)
}

/// A name without the quotes around its parts.
fn unquoted(name: &str) -> String {
    name.replace("\"\"", "\u{0}")
        .replace('"', "")
        .replace('\u{0}', "\"")
}

async fn rows(session: &Client, query: &str) -> Result<Vec<Vec<Option<String>>>, Error> {
    let messages = session.simple_query(query).await?;
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let rows = rows.map(|row| {
        let values = (0..row.len()).map(|place| row.get(place).map(str::to_owned));
        values.collect()
    });
    Ok(rows.collect())
}

async fn next_values(session: &Client) -> Result<BTreeMap<String, (i64, bool)>, Error> {
    let mut values = BTreeMap::new();
    for row in session.query(SEQUENCES, &[]).await? {
        let name: String = row.get(0);
        let next = format!(
            "SELECT least(last_value, 9223372036854775806) + is_called::integer, is_called FROM {name}"
        );
        let next = session.query_one(&next, &[]).await?;
        values.insert(name, (next.get(0), next.get(1)));
    }
    Ok(values)
}

async fn populated(session: &Client) -> Result<BTreeMap<String, bool>, Error> {
    let rows = session.query(VIEWS, &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}
