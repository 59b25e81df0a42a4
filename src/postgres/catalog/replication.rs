//! Publications and subscriptions.

use super::part::{FIRST_OF_USERS, annotations, of_no_extension, owner, sorted};

/// Publications with their tables, as CREATE PUBLICATION writes them, and schemas.
pub(super) fn publications(version: u32) -> String {
    let (columns, filter, schemas) = match version {
        150_000.. => (
            "'(' || (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attname)
                     FROM pg_attribute AS a WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs)) || ')'",
            "'WHERE (' || pg_get_expr(r.prqual, r.prrelid) || ')'",
            "(SELECT jsonb_agg(quote_ident(n.nspname) ORDER BY n.nspname) FROM pg_publication_namespace AS k
              JOIN pg_namespace AS n ON n.oid = k.pnnspid WHERE k.pnpubid = p.oid)",
        ),
        _ => ("NULL::text", "NULL::text", "NULL::jsonb"),
    };
    format!(
        "SELECT 'publication', quote_ident(p.pubname),
                jsonb_build_object(
                    'all tables', p.puballtables, 'insert', p.pubinsert, 'update', p.pubupdate, 'delete', p.pubdelete,
                    'truncate', p.pubtruncate, 'via root', p.pubviaroot,
                    'generated columns', CASE to_jsonb(p) ->> 'pubgencols' WHEN 's' THEN 'stored' WHEN 'n' THEN 'none' END,
                    'tables', (SELECT jsonb_agg(member ORDER BY member COLLATE \"C\") FROM (
                                   SELECT concat_ws(' ', r.prrelid::regclass, {columns}, {filter}) AS member
                                   FROM pg_publication_rel AS r WHERE r.prpubid = p.oid) AS members),
                    'schemas', {schemas},
                    {owner}, {annotations})
         FROM pg_publication AS p WHERE p.oid >= {FIRST_OF_USERS} AND {of_user}",
        owner = owner("p.pubowner"),
        annotations = annotations("pg_publication", "p.oid"),
        of_user = of_no_extension("pg_publication", "p.oid"),
    )
}

/// Subscriptions of this database. How they connect is shown to superusers only, and holds passwords: it is left out. Which
/// columns everyone may read depends on the server's version.
pub(super) fn subscriptions(version: u32) -> String {
    let since = |from: u32, property: &str| {
        if version >= from {
            property.to_owned()
        } else {
            String::new()
        }
    };
    let properties = [
        owner("s.subowner"),
        format!("'publications', {}", sorted("s.subpublications")),
        "'enabled', s.subenabled".to_owned(),
        "'slot', s.subslotname".to_owned(),
        since(140_000, "'binary', s.subbinary"),
        since(140_000, "'streaming', s.substream"),
        since(140_000, "'synchronous commit', s.subsynccommit"),
        since(150_000, "'two phase', s.subtwophasestate::text <> 'd'"),
        since(150_000, "'disable on error', s.subdisableonerr"),
        since(160_000, "'origin', s.suborigin"),
        since(160_000, "'password required', s.subpasswordrequired"),
        since(160_000, "'run as owner', s.subrunasowner"),
        since(170_000, "'failover', s.subfailover"),
        since(140_000, &annotations("pg_subscription", "s.oid")),
    ];
    let properties: Vec<String> = properties.into_iter().filter(|p| !p.is_empty()).collect();
    format!(
        "SELECT 'subscription', quote_ident(s.subname), jsonb_build_object({})
         FROM pg_subscription AS s
         WHERE s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
        properties.join(", ")
    )
}
