//! What PostgreSQL does of itself when something happens: triggers, rules, policies and event triggers.

use super::part::{
    FIRST_OF_USERS, annotations, enabled, extensions, function, of_no_extension, owner, relations,
    sorted,
};

/// The triggers that serve constraints are part of those, the rules that make views are their definitions.
pub(super) fn query() -> String {
    format!(
        "SELECT 'trigger', format('%I on %I.%I', g.tgname, n.nspname, c.relname),
                jsonb_build_object(
                    'schema', quote_ident(n.nspname),
                    'on', format('%I.%I', n.nspname, c.relname),
                    'definition', pg_get_triggerdef(g.oid),
                    'enabled', {trigger_enabled},
                    'origin', CASE WHEN g.tgparentid <> 0 THEN 'inherited' END,
                    {trigger_extensions}, {trigger_annotations})
         FROM {relations} JOIN pg_trigger AS g ON g.tgrelid = c.oid AND NOT g.tgisinternal
         UNION ALL
         SELECT 'rule', format('%I on %I.%I', r.rulename, n.nspname, c.relname),
                jsonb_build_object(
                    'schema', quote_ident(n.nspname),
                    'on', format('%I.%I', n.nspname, c.relname),
                    'definition', pg_get_ruledef(r.oid),
                    'enabled', {rule_enabled},
                    {rule_annotations})
         FROM {relations} JOIN pg_rewrite AS r ON r.ev_class = c.oid AND r.rulename <> '_RETURN'
         UNION ALL
         SELECT 'policy', format('%I on %I.%I', p.polname, n.nspname, c.relname),
                jsonb_build_object(
                    'schema', quote_ident(n.nspname),
                    'on', format('%I.%I', n.nspname, c.relname),
                    'command', CASE p.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update'
                               WHEN 'd' THEN 'delete' WHEN '*' THEN 'all' ELSE p.polcmd::text END,
                    'permissive', p.polpermissive,
                    'roles', (SELECT jsonb_agg(shown ORDER BY shown COLLATE \"C\")
                              FROM unnest(p.polroles) AS role,
                                   LATERAL (SELECT CASE role WHEN 0 THEN 'PUBLIC'
                                                   ELSE quote_ident(pg_get_userbyid(role)) END AS shown) AS named),
                    'using', pg_get_expr(p.polqual, p.polrelid),
                    'with check', pg_get_expr(p.polwithcheck, p.polrelid),
                    {policy_annotations})
         FROM {relations} JOIN pg_policy AS p ON p.polrelid = c.oid
         UNION ALL
         SELECT 'event trigger', quote_ident(v.evtname),
                jsonb_build_object(
                    'event', v.evtevent,
                    'tags', {tags},
                    'function', {event_function},
                    'enabled', {event_enabled},
                    {event_owner}, {event_annotations})
         FROM pg_event_trigger AS v
         WHERE v.oid >= {FIRST_OF_USERS} AND v.evtname !~ '^pgsteward_' AND {event_of_user}",
        relations = relations("{r,p,f,v,m}"),
        trigger_enabled = enabled("g.tgenabled"),
        trigger_extensions = extensions("pg_trigger", "g.oid"),
        trigger_annotations = annotations("pg_trigger", "g.oid"),
        rule_enabled = enabled("r.ev_enabled"),
        rule_annotations = annotations("pg_rewrite", "r.oid"),
        policy_annotations = annotations("pg_policy", "p.oid"),
        tags = sorted("v.evttags"),
        event_function = function("v.evtfoid"),
        event_enabled = enabled("v.evtenabled"),
        event_owner = owner("v.evtowner"),
        event_annotations = annotations("pg_event_trigger", "v.oid"),
        event_of_user = of_no_extension("pg_event_trigger", "v.oid"),
    )
}
