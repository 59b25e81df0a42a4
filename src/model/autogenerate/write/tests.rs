//! The statements of the lesser kinds, as texts.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::{
    default_privileges, foreign, functions, operator_classes, operators, policies, replication,
    text_search, triggers,
};
use crate::model::{autogenerate::fixtures::Fixture, schema::ObjectKind};

fn made<const N: usize>(
    kind: ObjectKind,
    identity: &str,
    properties: [(&str, Value); N],
) -> Fixture {
    Fixture::new(kind, identity, properties)
}

#[test]
fn a_function_is_replaced_only_where_its_callers_cannot_tell() {
    let function = |body: &str, names: Value, result: &str, defaults: i64| {
        let definition = format!("CREATE OR REPLACE FUNCTION public.f(integer) AS '{body}'\n");
        let properties = [
            ("kind", json!("function")),
            ("definition", json!(definition)),
        ];
        let details = [
            ("argument names", names),
            ("result", json!(result)),
            ("defaults", json!(defaults)),
        ];
        made(ObjectKind::Function, "public.f(integer)", properties).with_details(details)
    };
    let old = function("1", json!([""]), "integer", 0);
    let alter = |new: &Fixture| functions::alter(&old.object(), &new.object());
    assert_eq!(
        alter(&function("2", json!(["a"]), "integer", 1)).unwrap(),
        ["CREATE OR REPLACE FUNCTION public.f(integer) AS '2'"]
    );
    assert_eq!(alter(&function("2", json!([""]), "text", 0)), None);
    let named = function("1", json!(["a"]), "integer", 1);
    let renamed = function("2", json!(["b"]), "integer", 1);
    assert_eq!(functions::alter(&named.object(), &renamed.object()), None);
    let without_default = function("2", json!(["a"]), "integer", 0);
    assert_eq!(
        functions::alter(&named.object(), &without_default.object()),
        None
    );
    assert_eq!(
        functions::create(&old.object()).unwrap(),
        ["CREATE FUNCTION public.f(integer) AS '1'"]
    );
}

#[test]
fn a_replaced_function_depends_on_its_extensions_again() {
    let function = |body: &str| {
        let properties = [
            ("definition", json!(body)),
            ("depends on extensions", json!(["Hot"])),
        ];
        made(ObjectKind::Function, "public.f()", properties)
    };
    let (old, new) = (
        function("CREATE OR REPLACE a"),
        function("CREATE OR REPLACE b"),
    );
    assert_eq!(
        functions::alter(&old.object(), &new.object()).unwrap(),
        [
            "CREATE OR REPLACE b",
            "ALTER FUNCTION public.f() DEPENDS ON EXTENSION \"Hot\""
        ]
    );
}

#[test]
fn a_trigger_that_a_partition_has_from_its_parent_is_only_enabled() {
    let trigger = |enabled: &str| {
        let properties = [
            ("on", json!("app.p1")),
            ("origin", json!("inherited")),
            ("enabled", json!(enabled)),
        ];
        made(ObjectKind::Trigger, "t on app.p1", properties)
    };
    assert!(
        triggers::create(&trigger("origin").object())
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        triggers::create(&trigger("disabled").object()).unwrap(),
        ["ALTER TABLE ONLY app.p1 DISABLE TRIGGER t"]
    );
    assert_eq!(triggers::drop(&trigger("origin").object()), "");
}

#[test]
fn a_policy_that_loses_a_condition_is_made_again() {
    let policy = |check: Value| {
        let properties = [
            ("on", json!("public.t")),
            ("command", json!("update")),
            ("permissive", json!(true)),
            ("roles", json!(["PUBLIC"])),
            ("using", json!("(id > 0)")),
            ("with check", check),
        ];
        made(ObjectKind::Policy, "p on public.t", properties)
    };
    let (old, new, without) = (policy(json!("a")), policy(json!("b")), policy(Value::Null));
    assert_eq!(
        policies::alter(&old.object(), &new.object()).unwrap(),
        ["ALTER POLICY p ON public.t WITH CHECK (b)"]
    );
    assert_eq!(policies::alter(&old.object(), &without.object()), None);
    assert_eq!(
        policies::create(&without.object()).unwrap(),
        ["CREATE POLICY p ON public.t FOR UPDATE TO PUBLIC USING ((id > 0))"]
    );
}

#[test]
fn a_publication_is_set_as_a_whole_and_never_to_nothing() {
    let publication = |tables: Value| made(ObjectKind::Publication, "p", [("tables", tables)]);
    let (none, one) = (
        publication(Value::Null),
        publication(json!(["\"a b\".t (c, d) WHERE ((c > 1))"])),
    );
    assert_eq!(
        replication::alter(&none.object(), &one.object()).unwrap(),
        ["ALTER PUBLICATION p SET TABLE ONLY \"a b\".t (c, d) WHERE ((c > 1))"]
    );
    assert_eq!(replication::alter(&one.object(), &none.object()), None);
}

#[test]
fn a_secret_option_is_never_written() {
    assert_eq!(
        foreign::options_change(
            &["a=1", "b=2", "password=(not shown)"],
            &["b=3", "c=x=y", "password=(not shown)"]
        )
        .unwrap(),
        "OPTIONS (DROP a, SET b '3', ADD c 'x=y')"
    );
    assert_eq!(
        foreign::options_change(&[], &["password=(not shown)"]),
        None
    );
    assert!(
        foreign::options(&["my_passwd=(not shown)"])
            .unwrap_err()
            .contains("secret")
    );
    assert_eq!(
        foreign::options(&["a=1"]).unwrap().unwrap(),
        "OPTIONS (a '1')"
    );
}

#[test]
fn an_operator_names_others_with_their_schemas() {
    let properties = [
        ("function", json!("public.eq(a,a)")),
        ("commutator", json!("=(a,a)")),
        ("negator", json!("public.<>(a,a)")),
    ];
    let operator = made(ObjectKind::Operator, "public.!! (NONE, a)", properties);
    assert_eq!(
        operators::create(&operator.object()).unwrap(),
        [
            "CREATE OPERATOR public.!! (\n    FUNCTION = public.eq,\n    RIGHTARG = a,\n    \
          COMMUTATOR = OPERATOR(pg_catalog.=),\n    NEGATOR = OPERATOR(public.<>)\n)"
        ]
    );
}

#[test]
fn members_of_families_go_by_their_number_and_types() {
    let properties = [
        ("schema", json!("pg_catalog")),
        ("operators", json!(["1 public.<(a,integer)"])),
        ("functions", json!(["1 (a, integer) public.f(a,integer)"])),
    ];
    let family = made(
        ObjectKind::OperatorFamily,
        "pg_catalog.o using btree",
        properties,
    );
    assert_eq!(
        operator_classes::drop(&family.object()),
        "ALTER OPERATOR FAMILY pg_catalog.o USING btree DROP\n    OPERATOR 1 (a,integer),\n    FUNCTION 1 (a, integer)"
    );
}

#[test]
fn mappings_and_options_of_text_search_change_in_place() {
    let configuration = |mappings| {
        made(
            ObjectKind::TextSearchConfiguration,
            "app.c",
            [("mappings", mappings)],
        )
    };
    let old = configuration(json!({"word": ["simple"], "url": ["simple"]}));
    let new = configuration(json!({"word": ["app.d", "simple"], "numword": ["simple"]}));
    assert_eq!(
        text_search::alter(&old.object(), &new.object()).unwrap(),
        [
            "ALTER TEXT SEARCH CONFIGURATION app.c DROP MAPPING FOR url",
            "ALTER TEXT SEARCH CONFIGURATION app.c ALTER MAPPING FOR word WITH app.d, simple",
            "ALTER TEXT SEARCH CONFIGURATION app.c ADD MAPPING FOR numword WITH simple",
        ]
    );
    let dictionary = |options: &str| {
        made(
            ObjectKind::TextSearchDictionary,
            "app.d",
            [("options", json!(options))],
        )
    };
    let (old, new) = (dictionary("a = 'x, y = z', b = '1'"), dictionary("b = '2'"));
    assert_eq!(
        text_search::alter(&old.object(), &new.object()).unwrap(),
        ["ALTER TEXT SEARCH DICTIONARY app.d (a, b = '2')"]
    );
}

#[test]
fn default_privileges_differ_from_the_built_in_ones_in_all_schemas_and_from_none_in_one() {
    let entry = |identity: &str, acl| made(ObjectKind::DefaultPrivileges, identity, [("acl", acl)]);
    let everywhere = entry(
        "for role \"Odd on r\" on functions",
        json!(["\"Odd on r\"=X/\"Odd on r\"", "app=X/\"Odd on r\""]),
    );
    let prefix = "ALTER DEFAULT PRIVILEGES FOR ROLE \"Odd on r\"";
    assert_eq!(
        default_privileges::create(&everywhere.object()).unwrap(),
        [
            format!("{prefix} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC"),
            format!("{prefix} GRANT EXECUTE ON FUNCTIONS TO app"),
        ]
    );
    let in_one = entry("for role r in schema s on tables", json!(["app=r/r"]));
    assert_eq!(
        default_privileges::drop(&in_one.object()).unwrap(),
        ["ALTER DEFAULT PRIVILEGES FOR ROLE r IN SCHEMA s REVOKE SELECT ON TABLES FROM app"]
    );
}
