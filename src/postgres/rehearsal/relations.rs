//! The facts of a database's relations from which it can be told, by comparing them before and after a statement, which
//! tables it wrote anew and which it read from one end to the other.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    model::schema::ObjectKind,
    postgres::{error::PostgresError, session::Session},
};

/// A user's relations by OID.
pub(super) type Relations = BTreeMap<u32, Relation>;

/// One relation.
#[derive(Clone, Debug, Default)]
pub(super) struct Relation {
    /// E.g. `public.orders`.
    pub(super) name: String,
    /// `relkind`.
    pub(super) kind: char,
    filenode: u32,
    facts: Facts,
}

/// What is to be known of a relation that has columns; all but the columns only where it has rows of its own.
#[derive(Clone, Debug, Default, Deserialize)]
struct Facts {
    partition: bool,
    /// Names of the columns by number, quoted where SQL needs it.
    columns: Option<BTreeMap<i16, String>>,
    /// Numbers of the columns that may be NULL.
    nullable: Option<Vec<i16>>,
    /// Numbers of those that are known not to be.
    mandatory: Option<Vec<i16>>,
    /// Numbers of those that a valid CHECK keeps from being NULL.
    proven: Option<Vec<i16>>,
    /// Valid CHECK and FOREIGN KEY constraints, those of the columns' domains included. A foreign key has its columns
    /// with it when none has a default: then it needs no check where the columns are new.
    valid: Option<BTreeMap<u32, Option<Vec<i16>>>>,
    /// Indexes with their storage.
    indexes: Option<BTreeMap<u32, u32>>,
}

impl Relation {
    pub(super) const INDEX: char = 'i';
    pub(super) const PARTITIONED_INDEX: char = 'I';

    pub(super) fn has_index(&self, oid: u32) -> bool {
        let indexes = self.facts.indexes.as_ref();
        indexes.is_some_and(|indexes| indexes.contains_key(&oid))
    }

    /// The kind of object that it is; `None` for those that have no name of their own in a schema.
    pub(super) fn object_kind(&self) -> Option<ObjectKind> {
        match self.kind {
            'r' | 'p' => Some(ObjectKind::Table),
            'm' => Some(ObjectKind::MaterializedView),
            'v' => Some(ObjectKind::View),
            'f' => Some(ObjectKind::ForeignTable),
            'S' => Some(ObjectKind::Sequence),
            Self::INDEX | Self::PARTITIONED_INDEX => Some(ObjectKind::Index),
            _ => None,
        }
    }

    /// Its columns by number, with their full names.
    pub(super) fn columns(&self) -> impl Iterator<Item = (i16, String)> {
        let columns = self.facts.columns.iter().flatten();
        columns.map(|(number, column)| (*number, format!("{}.{column}", self.name)))
    }

    fn has_rows(&self) -> bool {
        matches!(self.kind, 'r' | 'm')
    }
}

/// Reads them in the open transaction.
///
/// On a newer server a NOT NULL can be there and not valid; it is known by a constraint of its own.
pub(super) async fn read(session: &Session) -> Result<Relations, PostgresError> {
    const QUERY: &str = "
        SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname), c.relkind, c.relfilenode,
               CASE WHEN c.relkind IN ('r', 'm', 'p', 'f') THEN pg_catalog.jsonb_build_object(
                   'partition', c.relispartition, 'columns', columns.names,
                   'nullable', columns.nullable, 'mandatory', columns.mandatory, 'proven', checks.proven,
                   'valid', checks.valid, 'indexes', indexes.storage) END
        FROM pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        LEFT JOIN LATERAL (
            SELECT pg_catalog.jsonb_object_agg(a.attnum, pg_catalog.quote_ident(a.attname)) AS names,
                   pg_catalog.jsonb_agg(a.attnum) FILTER (WHERE NOT known) AS nullable,
                   pg_catalog.jsonb_agg(a.attnum) FILTER (WHERE known) AS mandatory
            FROM pg_catalog.pg_attribute AS a,
                 LATERAL (SELECT a.attnotnull AND NOT EXISTS (
                     SELECT FROM pg_catalog.pg_constraint AS con
                     WHERE con.conrelid = c.oid AND con.contype = 'n' AND con.conkey = ARRAY[a.attnum]
                       AND NOT con.convalidated)) AS k (known)
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
            ON c.relkind IN ('r', 'm', 'p', 'f')
        LEFT JOIN LATERAL (
            SELECT pg_catalog.jsonb_object_agg(con.oid, con.free) AS valid,
                   pg_catalog.jsonb_agg(con.proves) FILTER (WHERE con.proves IS NOT NULL) AS proven
            FROM (SELECT own.oid,
                         CASE WHEN own.contype = 'f' AND NOT EXISTS (
                             SELECT FROM pg_catalog.pg_attribute AS a
                             WHERE a.attrelid = c.oid AND a.attnum = ANY (own.conkey) AND a.atthasdef)
                         THEN pg_catalog.to_jsonb(own.conkey) END AS free,
                         (SELECT a.attnum FROM pg_catalog.pg_attribute AS a
                          WHERE own.contype = 'c' AND a.attrelid = c.oid AND own.conkey = ARRAY[a.attnum]
                            AND pg_catalog.pg_get_expr(own.conbin, c.oid)
                                = pg_catalog.format('(%I IS NOT NULL)', a.attname)) AS proves
                  FROM pg_catalog.pg_constraint AS own
                  WHERE own.conrelid = c.oid AND own.contype IN ('c', 'f') AND own.convalidated
                  UNION
                  SELECT of_domain.oid, NULL, NULL
                  FROM pg_catalog.pg_attribute AS a
                  JOIN pg_catalog.pg_constraint AS of_domain ON of_domain.contypid = a.atttypid
                  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND of_domain.convalidated) AS con)
                  AS checks
            ON c.relkind IN ('r', 'm')
        LEFT JOIN LATERAL (
            SELECT pg_catalog.jsonb_object_agg(i.indexrelid, pg_catalog.int8(storage.relfilenode)) AS storage
            FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS storage ON storage.oid = i.indexrelid
            WHERE i.indrelid = c.oid) AS indexes ON c.relkind IN ('r', 'm')
        WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relkind <> 'c'";
    let rows = session
        .query(QUERY, &[])
        .await
        .map_err(PostgresError::query("read the relations"))?;
    rows.iter()
        .map(|row| {
            let facts: Option<serde_json::Value> = row.get(4);
            let facts = facts.map(serde_json::from_value).transpose();
            let relation = Relation {
                name: row.get(1),
                kind: char::from(row.get::<_, i8>(2).cast_unsigned()),
                filenode: row.get(3),
                facts: facts
                    .map_err(|error| PostgresError::Unexpected {
                        what: "read the relations".to_owned(),
                        detail: error.to_string(),
                    })?
                    .unwrap_or_default(),
            };
            Ok((row.get(0), relation))
        })
        .collect()
}

/// Each table that stood there before the script and stands there on both sides of the statement, as it was and is.
fn on_both_sides<'a>(
    existing: &'a Relations,
    before: &'a Relations,
    after: &'a Relations,
) -> impl Iterator<Item = (&'a Relation, &'a Relation)> {
    existing
        .keys()
        .filter_map(|oid| before.get(oid).zip(after.get(oid)))
        .filter(|(was, _)| was.has_rows())
}

/// The tables whose storage is another one, by name, sorted.
pub(super) fn rewritten(
    existing: &Relations,
    before: &Relations,
    after: &Relations,
) -> Vec<String> {
    let both = on_both_sides(existing, before, after);
    names(both.filter(|(was, is)| was.filenode != is.filenode))
}

/// The tables that were not written anew but read in whole, by name, sorted: for a constraint that is valid now, for a
/// column that cannot be NULL any more, for an index, or to be a partition. Where PostgreSQL could spare itself a table by
/// a CHECK of another form than `column IS NOT NULL`, it is named all the same.
pub(super) fn scanned(existing: &Relations, before: &Relations, after: &Relations) -> Vec<String> {
    let both = on_both_sides(existing, before, after);
    names(both.filter(|(was, is)| was.filenode == is.filenode && is_read(&was.facts, &is.facts)))
}

fn names<'a>(relations: impl Iterator<Item = (&'a Relation, &'a Relation)>) -> Vec<String> {
    let mut names: Vec<String> = relations.map(|(was, _)| was.name.clone()).collect();
    names.sort();
    names
}

fn is_read(was: &Facts, is: &Facts) -> bool {
    let has = |columns: &Option<Vec<i16>>, column: &i16| {
        columns
            .as_ref()
            .is_some_and(|columns| columns.contains(column))
    };
    let mut now_mandatory = is.mandatory.iter().flatten();
    let checked_for_null =
        now_mandatory.any(|column| has(&was.nullable, column) && !has(&was.proven, column));

    let was_there = |column: &i16| has(&was.nullable, column) || has(&was.mandatory, column);
    let mut now_valid = is.valid.iter().flatten();
    let validated = now_valid.any(|(oid, free)| {
        let was_valid = was
            .valid
            .as_ref()
            .is_some_and(|valid| valid.contains_key(oid));
        let needs_check = free
            .as_ref()
            .is_none_or(|columns| columns.iter().any(was_there));
        !was_valid && needs_check
    });

    let mut now_indexed = is.indexes.iter().flatten();
    let indexed = now_indexed.any(|(oid, storage)| {
        was.indexes.as_ref().and_then(|indexes| indexes.get(oid)) != Some(storage)
    });
    checked_for_null || validated || indexed || is.partition && !was.partition
}
