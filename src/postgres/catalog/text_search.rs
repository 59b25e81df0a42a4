//! Text search: configurations, dictionaries, parsers, templates.

use super::part::{OF_USERS, annotations, function, of_no_extension, owner};

pub(super) fn query() -> String {
    let name = |catalog: &str, column: &str, prefix: &str| {
        format!(
            "(SELECT format('%I.%I', k.nspname, named.{prefix}name) FROM {catalog} AS named
              JOIN pg_namespace AS k ON k.oid = named.{prefix}namespace WHERE named.oid = {column})"
        )
    };
    format!(
        "SELECT 'text search configuration', format('%I.%I', n.nspname, g.cfgname),
                jsonb_build_object(
                    'schema', quote_ident(n.nspname),
                    'parser', {parser},
                    'mappings', (SELECT jsonb_object_agg(alias, dictionaries) FROM (
                        SELECT token.alias, jsonb_agg(m.mapdict::regdictionary::text ORDER BY m.mapseqno) AS dictionaries
                        FROM pg_ts_config_map AS m JOIN ts_token_type(g.cfgparser) AS token ON token.tokid = m.maptokentype
                        WHERE m.mapcfg = g.oid GROUP BY token.alias) AS mapping),
                    {configuration_owner}, {configuration_annotations})
         FROM pg_ts_config AS g JOIN pg_namespace AS n ON n.oid = g.cfgnamespace
         WHERE {OF_USERS} AND {configuration_of_user}
         UNION ALL
         SELECT 'text search dictionary', format('%I.%I', n.nspname, d.dictname),
                jsonb_build_object(
                    'schema', quote_ident(n.nspname), 'template', {template}, 'options', d.dictinitoption,
                    {dictionary_owner}, {dictionary_annotations})
         FROM pg_ts_dict AS d JOIN pg_namespace AS n ON n.oid = d.dictnamespace
         WHERE {OF_USERS} AND {dictionary_of_user}
         UNION ALL
         SELECT 'text search parser', format('%I.%I', n.nspname, p.prsname),
                jsonb_build_object(
                    'schema', quote_ident(n.nspname), 'start', {start}, 'get token', {token}, 'end', {end},
                    'headline', {headline}, 'token types', {token_types}, {parser_annotations})
         FROM pg_ts_parser AS p JOIN pg_namespace AS n ON n.oid = p.prsnamespace
         WHERE {OF_USERS} AND {parser_of_user}
         UNION ALL
         SELECT 'text search template', format('%I.%I', n.nspname, t.tmplname),
                jsonb_build_object(
                    'schema', quote_ident(n.nspname), 'init', {init}, 'lexize', {lexize}, {template_annotations})
         FROM pg_ts_template AS t JOIN pg_namespace AS n ON n.oid = t.tmplnamespace
         WHERE {OF_USERS} AND {template_of_user}",
        parser = name("pg_ts_parser", "g.cfgparser", "prs"),
        configuration_owner = owner("g.cfgowner"),
        configuration_annotations = annotations("pg_ts_config", "g.oid"),
        configuration_of_user = of_no_extension("pg_ts_config", "g.oid"),
        template = name("pg_ts_template", "d.dicttemplate", "tmpl"),
        dictionary_owner = owner("d.dictowner"),
        dictionary_annotations = annotations("pg_ts_dict", "d.oid"),
        dictionary_of_user = of_no_extension("pg_ts_dict", "d.oid"),
        start = function("p.prsstart"),
        token = function("p.prstoken"),
        end = function("p.prsend"),
        headline = function("p.prsheadline"),
        token_types = function("p.prslextype"),
        parser_annotations = annotations("pg_ts_parser", "p.oid"),
        parser_of_user = of_no_extension("pg_ts_parser", "p.oid"),
        init = function("t.tmplinit"),
        lexize = function("t.tmpllexize"),
        template_annotations = annotations("pg_ts_template", "t.oid"),
        template_of_user = of_no_extension("pg_ts_template", "t.oid"),
    )
}
