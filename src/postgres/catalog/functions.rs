//! Functions, procedures, window functions and aggregates.

use super::part::{
    OF_USERS, acl, annotations, extensions, function, of_no_extension, owner, type_names,
};

/// PostgreSQL writes out the whole definition of all but aggregates, which are taken by their parts. The functions that come
/// with a range type are part of that.
pub(super) fn query() -> String {
    format!(
        "SELECT 'function', format('%I.%I(%s)', n.nspname, p.proname, {arguments}),
                jsonb_build_object(
                    'schema', quote_ident(n.nspname),
                    'kind', CASE p.prokind WHEN 'f' THEN 'function' WHEN 'p' THEN 'procedure' WHEN 'w' THEN 'window'
                            WHEN 'a' THEN 'aggregate' ELSE p.prokind::text END,
                    '@result', pg_get_function_result(p.oid),
                    '@argument names', to_jsonb(p.proargnames),
                    '@argument modes', to_jsonb(p.proargmodes),
                    '@argument types', coalesce(
                        (SELECT jsonb_agg(format_type(argument, NULL) ORDER BY place)
                         FROM unnest(p.proallargtypes) WITH ORDINALITY AS every (argument, place)),
                        to_jsonb({arguments_list})),
                    '@defaults', p.pronargdefaults,
                    {owner}, {acl}, {extensions}, {annotations})
                || CASE WHEN g.aggfnoid IS NULL THEN jsonb_build_object('definition', pg_get_functiondef(p.oid)) ELSE
                jsonb_build_object(
                    'arguments', pg_get_function_arguments(p.oid),
                    'returns', pg_get_function_result(p.oid),
                    'aggregate kind', CASE g.aggkind WHEN 'n' THEN 'normal' WHEN 'o' THEN 'ordered set'
                                      WHEN 'h' THEN 'hypothetical set' END,
                    'direct arguments', g.aggnumdirectargs,
                    'state function', {state_function},
                    'state type', format_type(g.aggtranstype, NULL),
                    'state size', g.aggtransspace,
                    'initial state', g.agginitval,
                    'final function', {final_function},
                    'final function takes all arguments', g.aggfinalextra,
                    'final function modifies', {final_modifies},
                    'combine function', {combine_function},
                    'serialization function', {serialization_function},
                    'deserialization function', {deserialization_function},
                    'sort operator', nullif(g.aggsortop, 0)::regoperator::text,
                    'parallel', CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END)
                || CASE WHEN g.aggmtransfn::oid = 0 THEN '{{}}' ELSE
                jsonb_build_object(
                    'moving state function', {moving_state_function},
                    'moving inverse function', {moving_inverse_function},
                    'moving state type', format_type(g.aggmtranstype, NULL),
                    'moving state size', g.aggmtransspace,
                    'moving initial state', g.aggminitval,
                    'moving final function', {moving_final_function},
                    'moving final function takes all arguments', g.aggmfinalextra,
                    'moving final function modifies', {moving_final_modifies}) END END
         FROM pg_proc AS p
         JOIN pg_namespace AS n ON n.oid = p.pronamespace
         LEFT JOIN pg_aggregate AS g ON g.aggfnoid = p.oid
         WHERE {OF_USERS} AND {of_user}
           AND NOT EXISTS (SELECT FROM pg_depend AS d
                           WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'i')",
        arguments = type_names("p.proargtypes"),
        arguments_list = "(SELECT array_agg(format_type(argument, NULL) ORDER BY place)
                           FROM unnest(p.proargtypes) WITH ORDINALITY AS given (argument, place))",
        owner = owner("p.proowner"),
        acl = acl('f', "p.proacl", "p.proowner"),
        extensions = extensions("pg_proc", "p.oid"),
        annotations = annotations("pg_proc", "p.oid"),
        state_function = function("g.aggtransfn"),
        final_function = function("g.aggfinalfn"),
        final_modifies = modifies("g.aggfinalmodify"),
        combine_function = function("g.aggcombinefn"),
        serialization_function = function("g.aggserialfn"),
        deserialization_function = function("g.aggdeserialfn"),
        moving_state_function = function("g.aggmtransfn"),
        moving_inverse_function = function("g.aggminvtransfn"),
        moving_final_function = function("g.aggmfinalfn"),
        moving_final_modifies = modifies("g.aggmfinalmodify"),
        of_user = of_no_extension("pg_proc", "p.oid"),
    )
}

fn modifies(letter: &str) -> String {
    format!(
        "CASE {letter} WHEN 'r' THEN 'read only' WHEN 's' THEN 'shareable' WHEN 'w' THEN 'read write' END"
    )
}
