//! Tables, foreign tables, views and materialized views, without what hangs on them.

use super::part::{acl, annotations, extensions, foreign_options, owner, relations, sorted};

pub(super) fn query() -> String {
    format!(
        "SELECT CASE c.relkind WHEN 'f' THEN 'foreign table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
                ELSE 'table' END,
                format('%I.%I', n.nspname, c.relname),
                jsonb_build_object(
                    'schema', quote_ident(n.nspname), {owner}, {acl}, {annotations}, 'options', {options},
                    '@options', to_jsonb(c.reloptions))
                || CASE WHEN c.relkind IN ('v', 'm') THEN
                jsonb_build_object(
                    'definition', pg_get_viewdef(c.oid)) ELSE '{{}}' END
                || CASE WHEN c.relkind IN ('r', 'p', 'm') THEN
                jsonb_build_object(
                    'persistence', CASE c.relpersistence WHEN 'u' THEN 'unlogged' ELSE 'permanent' END,
                    'access method', m.amname,
                    'tablespace', s.spcname,
                    'toast options', {toast_options},
                    '@toast options', to_jsonb(toast.reloptions),
                    {extensions}) ELSE '{{}}' END
                || CASE WHEN c.relkind IN ('r', 'p', 'f') THEN
                jsonb_build_object(
                    'partitioned by', pg_get_partkeydef(c.oid),
                    'partition of', CASE WHEN c.relispartition THEN parents.names -> 0 END,
                    'partition bound', pg_get_expr(c.relpartbound, c.oid),
                    'detach pending', parents.detach_pending,
                    'inherits', CASE WHEN NOT c.relispartition THEN parents.names END,
                    'of type', nullif(c.reloftype, 0)::regtype::text,
                    'row type acl', CASE WHEN row_type.typacl IS NOT NULL
                                    THEN nullif({row_type_acl}, {row_type_default}) END) ELSE '{{}}' END
                || CASE WHEN c.relkind IN ('r', 'p') THEN
                jsonb_build_object(
                    'replica identity', CASE c.relreplident WHEN 'd' THEN 'default' WHEN 'n' THEN 'nothing'
                                        WHEN 'f' THEN 'full' WHEN 'i' THEN 'index' END,
                    'row security', c.relrowsecurity,
                    'force row security', c.relforcerowsecurity) ELSE '{{}}' END
                || CASE WHEN c.relkind = 'f' THEN
                jsonb_build_object(
                    'server', (SELECT quote_ident(srvname) FROM pg_foreign_server WHERE oid = f.ftserver),
                    'foreign options', {foreign_options}) ELSE '{{}}' END
         FROM {relations}
         LEFT JOIN pg_am AS m ON m.oid = c.relam
         LEFT JOIN pg_tablespace AS s ON s.oid = c.reltablespace
         LEFT JOIN pg_class AS toast ON toast.oid = c.reltoastrelid
         LEFT JOIN pg_type AS row_type ON row_type.oid = c.reltype
         LEFT JOIN pg_foreign_table AS f ON f.ftrelid = c.oid
         LEFT JOIN (SELECT i.inhrelid,
                           jsonb_agg(format('%I.%I', pn.nspname, p.relname) ORDER BY i.inhseqno) AS names,
                           nullif(bool_or((to_jsonb(i) ->> 'inhdetachpending')::boolean), false) AS detach_pending
                    FROM pg_inherits AS i
                    JOIN pg_class AS p ON p.oid = i.inhparent JOIN pg_namespace AS pn ON pn.oid = p.relnamespace
                    WHERE p.relkind IN ('r', 'p', 'f')
                    GROUP BY i.inhrelid) AS parents ON parents.inhrelid = c.oid",
        owner = owner("c.relowner"),
        acl = acl('r', "c.relacl", "c.relowner"),
        annotations = annotations("pg_class", "c.oid"),
        options = sorted("c.reloptions"),
        toast_options = sorted("toast.reloptions"),
        extensions = extensions("pg_class", "c.oid"),
        row_type_acl = sorted("row_type.typacl"),
        row_type_default = sorted("acldefault('T', row_type.typowner)"),
        foreign_options = foreign_options("f.ftoptions"),
        relations = relations("{r,p,f,v,m}"),
    )
}
