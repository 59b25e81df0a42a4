//! GRANT and REVOKE.

use std::collections::BTreeMap;

use super::{
    Acl, Entry,
    item::{Privilege, Privileges},
};
use crate::model::autogenerate::names::quoted;

/// What is granted or revoked at once.
struct Step<'a> {
    entry: &'a Entry,
    clause: String,
}

/// Brings the privileges on `target`, e.g. `TABLE public.orders`, from one state to another. Privileges that the owner of a
/// table revokes on it are revoked on its columns too, see [`Acl::after_table`].
pub(in crate::model::autogenerate) fn statements(
    target: &str,
    from: &Acl,
    to: &Acl,
    owner: &str,
) -> Vec<String> {
    between(target, "", from, to, owner)
}

/// The same for a column. `table` and `column` are quoted where needed.
pub(in crate::model::autogenerate) fn column_statements(
    table: &str,
    column: &str,
    from: &Acl,
    to: &Acl,
    owner: &str,
) -> Vec<String> {
    between(
        &format!("TABLE {table}"),
        &format!(" ({column})"),
        from,
        to,
        owner,
    )
}

fn between(target: &str, column: &str, from: &Acl, to: &Acl, owner: &str) -> Vec<String> {
    let grants = in_order(grants(target, column, from, to), to, owner, false);
    let revokes = in_order(revokes(target, column, from, to), from, owner, true);
    let mut entries = from.entries.keys().chain(to.entries.keys());
    // What somebody granted on can be revoked only after it has come from somebody else.
    let steps = if entries.all(|entry| entry.grantor == owner) {
        [revokes, grants]
    } else {
        [grants, revokes]
    };
    as_their_grantors(steps.into_iter().flatten(), owner)
}

fn revokes<'a>(target: &str, column: &str, from: &'a Acl, to: &Acl) -> Vec<Step<'a>> {
    let mut steps = Vec::new();
    for (entry, had) in &from.entries {
        let (lost, without_option) = had.lost(&to.of(entry));
        let grantee = grantee(entry);
        if !lost.is_empty() {
            let clause = format!(
                "REVOKE {} ON {target} FROM {grantee}",
                listed(&lost, column)
            );
            steps.push(Step { entry, clause });
        }
        if !without_option.is_empty() {
            let names = listed(&without_option, column);
            let clause = format!("REVOKE GRANT OPTION FOR {names} ON {target} FROM {grantee}");
            steps.push(Step { entry, clause });
        }
    }
    steps
}

fn grants<'a>(target: &str, column: &str, from: &Acl, to: &'a Acl) -> Vec<Step<'a>> {
    let mut steps = Vec::new();
    for entry in &to.order {
        let has = to.of(entry);
        let (plain, with_option) = has.gained(&from.of(entry));
        let grantee = grantee(entry);
        for (privileges, option) in [(plain, ""), (with_option, " WITH GRANT OPTION")] {
            if !privileges.is_empty() {
                let clause = format!(
                    "GRANT {} ON {target} TO {grantee}{option}",
                    listed(&privileges, column)
                );
                steps.push(Step { entry, clause });
            }
        }
    }
    steps
}

fn listed(privileges: &[Privilege], column: &str) -> String {
    let names = privileges
        .iter()
        .map(|privilege| format!("{}{column}", privilege.name()));
    names.collect::<Vec<_>>().join(", ")
}

fn grantee(entry: &Entry) -> String {
    match entry.grantee.as_str() {
        "" => "PUBLIC".to_owned(),
        role => quoted(role),
    }
}

/// By how far the grantors are from the owner, who is first, or last.
fn in_order<'a>(
    mut steps: Vec<Step<'a>>,
    acl: &Acl,
    owner: &str,
    farthest_first: bool,
) -> Vec<Step<'a>> {
    let distances = distances(acl, owner);
    let distance = |step: &Step<'_>| distances.get(step.entry.grantor.as_str()).copied();
    // The sort is stable: each grantor's steps stay together, as their entries are sorted by grantor first.
    steps.sort_by_key(|step| distance(step).unwrap_or(usize::MAX));
    if farthest_first {
        steps.sort_by_key(|step| std::cmp::Reverse(distance(step).unwrap_or(usize::MAX)));
    }
    steps
}

/// How many grants lie between the owner and each role that may grant.
fn distances<'a>(acl: &'a Acl, owner: &'a str) -> BTreeMap<&'a str, usize> {
    let mut distances = BTreeMap::from([(owner, 0)]);
    let mut reached = vec![owner];
    let mut distance = 0;
    while !reached.is_empty() {
        distance += 1;
        let granted = acl
            .entries
            .iter()
            .filter(|(entry, privileges): &(&Entry, &Privileges)| {
                privileges.has_option() && reached.contains(&entry.grantor.as_str())
            });
        let roles: Vec<&str> = granted.map(|(entry, _)| entry.grantee.as_str()).collect();
        reached.clear();
        for role in roles {
            distances.entry(role).or_insert_with(|| {
                reached.push(role);
                distance
            });
        }
    }
    distances
}

fn as_their_grantors<'a>(steps: impl Iterator<Item = Step<'a>>, owner: &'a str) -> Vec<String> {
    let mut statements = Vec::new();
    let mut acting: &str = owner;
    for Step { entry, clause } in steps {
        if entry.grantor != acting {
            if acting != owner {
                statements.push("RESET ROLE".to_owned());
            }
            acting = &entry.grantor;
            if acting != owner {
                statements.push(format!("SET LOCAL ROLE {}", quoted(acting)));
            }
        }
        statements.push(clause);
    }
    if acting != owner {
        statements.push("RESET ROLE".to_owned());
    }
    statements
}
