//! What rests on what, between the objects of a schema.
//!
//! `pg_depend` also names what is part of an object: the rule that makes a view, the index that serves a constraint, the row
//! type of a table, the expression of a default. Each of these stands for the object that it is part of.

use std::collections::{BTreeSet, HashMap};

use tokio_postgres::Row;

use super::{part::FIRST_OF_USERS, unexpected};
use crate::{model::schema::ObjectKey, postgres::error::PostgresError};

/// Catalog, OID and part (the number of a column, else 0).
pub(super) type Address = (String, u32, i32);

/// The objects that have a name of their own.
pub(super) type Addresses = HashMap<Address, ObjectKey>;

/// The parts that hang on two objects, with the catalog of the one that they are part of. All others have an internal
/// dependency.
const PARTS: &[(&str, &str)] = &[
    ("pg_attrdef", "pg_class"),
    ("pg_publication_rel", "pg_publication"),
    ("pg_publication_namespace", "pg_publication"),
    ("pg_amop", "pg_opfamily"),
    ("pg_amproc", "pg_opfamily"),
];

pub(super) fn query() -> String {
    format!(
        "SELECT classid::regclass::text, objid, objsubid, refclassid::regclass::text, refobjid, refobjsubid, deptype::text
         FROM pg_depend
         WHERE objid >= {FIRST_OF_USERS} AND (refobjid >= {FIRST_OF_USERS} OR refclassid = 'pg_namespace'::regclass)"
    )
}

/// Pairs of objects of which the first rests on the second.
pub(super) fn between(
    rows: &[Row],
    addresses: &Addresses,
) -> Result<BTreeSet<(ObjectKey, ObjectKey)>, PostgresError> {
    let mut edges = Vec::with_capacity(rows.len());
    let mut wholes: HashMap<Address, Address> = HashMap::new();
    for row in rows {
        let (from, to, kind) = edge(row).map_err(|error| unexpected(error.to_string()))?;
        if addresses.contains_key(&from) {
            // A sequence that serves a column is not made after it: it is given to it.
            if !(kind == "a" && is_ownership(&from, &to, addresses)) && kind != "e" {
                edges.push((from, to));
            }
            continue;
        }
        let part_of = match kind.as_str() {
            "i" | "e" => true,
            "a" => PARTS.contains(&(from.0.as_str(), to.0.as_str())),
            _ => false,
        };
        if part_of {
            // An internal dependency says more than one on a parent.
            let known = wholes
                .get(&from)
                .is_some_and(|whole| addresses.contains_key(whole));
            if !known {
                wholes.insert(from.clone(), to.clone());
            }
        }
        edges.push((from, to));
    }
    let named = |address: &Address| -> Option<&ObjectKey> {
        let mut address = address;
        // A part of a part of a part: the array of the row type of a table.
        for _ in 0..8 {
            let whole_table = (address.0.clone(), address.1, 0);
            if let Some(key) = addresses
                .get(address)
                .or_else(|| addresses.get(&whole_table))
            {
                return Some(key);
            }
            address = wholes.get(address).or_else(|| wholes.get(&whole_table))?;
        }
        None
    };
    let mut dependencies = BTreeSet::new();
    for (from, to) in &edges {
        if let (Some(from), Some(to)) = (named(from), named(to))
            && from != to
        {
            dependencies.insert((from.clone(), to.clone()));
        }
    }
    Ok(dependencies)
}

fn edge(row: &Row) -> Result<(Address, Address, String), tokio_postgres::Error> {
    Ok((
        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?),
        (row.try_get(3)?, row.try_get(4)?, row.try_get(5)?),
        row.try_get(6)?,
    ))
}

fn is_ownership(from: &Address, to: &Address, addresses: &Addresses) -> bool {
    use crate::model::schema::ObjectKind;
    let kind = |address: &Address| addresses.get(address).map(|key| key.kind);
    kind(from) == Some(ObjectKind::Sequence) && kind(to) == Some(ObjectKind::Column)
}
