//! What comes before what.

use super::{
    super::{Cast, Unwritable},
    *,
};
use crate::model::autogenerate::fixtures::key;

#[test]
fn equal_schemas_need_nothing() {
    assert_eq!(planned(&view(orders()), &view(orders()), Form::Online), []);
}

#[test]
fn a_view_goes_before_its_column_changes_type_and_comes_after() {
    let wider = |ground: Ground| {
        let column = "public.orders.total";
        ground.but(ObjectKind::Column, column, "type", json!("bigint"))
    };
    let to = wider(view(orders())).but(
        ObjectKind::Column,
        "public.totals.total",
        "type",
        json!("bigint"),
    );
    assert_order(
        &in_one(&view(orders()), &to, Form::Plain),
        &[
            "DROP VIEW public.totals",
            "ALTER TABLE public.orders ALTER COLUMN total TYPE bigint",
            "CREATE VIEW public.totals",
        ],
    );
}

#[test]
fn a_type_that_has_an_assignment_cast_is_changed_without_using() {
    let to = orders().but(
        ObjectKind::Column,
        "public.orders.total",
        "type",
        json!("bigint"),
    );
    let pair = ("integer".to_owned(), "bigint".to_owned());
    for (cast, using) in [
        (Cast::Assignment, false),
        (Cast::Explicit, true),
        (Cast::Text, true),
    ] {
        let casts = Casts::from([(pair.clone(), cast)]);
        let phases = plan(&orders().0, &to.0, &casts, Form::Plain).unwrap();
        let statements = &phases[0].statements;
        assert_eq!(statements.len(), 1);
        assert_eq!(statements[0].contains(" USING "), using, "{statements:?}");
    }
}

fn moody(ground: Ground, labels: &[&str], default: Option<&str>) -> Ground {
    let column = "public.orders.mood";
    let properties = json!({"on": "public.orders", "type": "public.mood", "default": default});
    ground
        .with(ObjectKind::Enum, "public.mood", &json!({"labels": labels}))
        .with(ObjectKind::Column, column, &properties)
        .rests(
            (ObjectKind::Column, column),
            (ObjectKind::Enum, "public.mood"),
        )
}

#[test]
fn a_label_is_committed_before_it_is_used() {
    let from = moody(orders(), &["fine"], None);
    let to = moody(orders(), &["fine", "bad"], Some("'bad'::public.mood"));
    for form in [Form::Online, Form::Plain] {
        let phases = planned(&from, &to, form);
        assert_eq!(phases.len(), 2, "{phases:?}");
        assert_eq!(
            phases[0].statements,
            ["ALTER TYPE public.mood ADD VALUE 'bad'"]
        );
        assert_order(
            &phases[1].statements,
            &["ALTER TABLE ONLY public.orders ALTER COLUMN mood SET DEFAULT"],
        );
    }
}

#[test]
fn one_transaction_makes_an_enum_anew_where_a_new_label_may_be_used() {
    let from = moody(orders(), &["fine"], None);
    let to = moody(orders(), &["fine", "bad"], Some("'bad'::public.mood"));
    assert_order(
        &in_one(&from, &to, Form::OneTransaction),
        &[
            "ALTER TYPE public.mood RENAME TO mood__old",
            "CREATE TYPE public.mood AS ENUM ('fine', 'bad')",
            "ALTER TABLE public.orders ALTER COLUMN mood TYPE public.mood USING mood::text::public.mood",
            "DROP TYPE public.mood__old",
        ],
    );
}

#[test]
fn tables_that_refer_to_each_other_lose_their_foreign_keys_before_they_go() {
    let mut both = Ground::default();
    for (one, other) in [("a", "b"), ("b", "a")] {
        let (table, other) = (format!("public.{one}"), format!("public.{other}"));
        let identity = format!("{one}_fk on {table}");
        let definition = format!("FOREIGN KEY (id) REFERENCES {other}(id)");
        let properties = json!({"on": table, "type": "foreign key", "definition": definition, "validated": true});
        both = both
            .table(&table, &[("id", "integer")])
            .with(ObjectKind::Constraint, &identity, &properties)
            .detail(
                ObjectKind::Constraint,
                &identity,
                "references",
                json!(other),
            )
            .rests(
                (ObjectKind::Constraint, &identity),
                (ObjectKind::Table, &table),
            )
            .rests(
                (ObjectKind::Constraint, &identity),
                (ObjectKind::Table, &other),
            );
    }
    let statements = in_one(&both, &Ground::default(), Form::Online);
    assert_eq!(statements.len(), 4, "{statements:?}");
    for (place, statement) in statements.iter().enumerate() {
        let beginning = if place < 2 {
            "ALTER TABLE public."
        } else {
            "DROP TABLE public."
        };
        assert!(statement.starts_with(beginning), "{statements:?}");
    }
    // And come back after both are there.
    let statements = in_one(&Ground::default(), &both, Form::Plain);
    assert_order(
        &statements,
        &["CREATE TABLE", "CREATE TABLE", "ALTER TABLE", "ALTER TABLE"],
    );
}

fn numbered(ground: Ground, owned: bool) -> Ground {
    let holder = owned.then_some("public.orders.id");
    let properties = json!({"on": owned.then_some("public.orders"), "owned by": holder, "type": "bigint",
        "start": 1, "increment": 1, "min": 1, "max": 9_223_372_036_854_775_807_i64, "cache": 1});
    let sequence = (ObjectKind::Sequence, "public.ids");
    let column = (ObjectKind::Column, "public.orders.id");
    ground
        .with(sequence.0, sequence.1, &properties)
        .but(
            column.0,
            column.1,
            "default",
            json!("nextval('public.ids'::regclass)"),
        )
        .rests(column, sequence)
}

#[test]
fn a_sequence_comes_before_the_column_that_counts_by_it_and_is_given_to_it_after() {
    assert_order(
        &in_one(&Ground::default(), &numbered(orders(), true), Form::Online),
        &[
            "CREATE SEQUENCE public.ids",
            "CREATE TABLE public.orders",
            "ALTER SEQUENCE public.ids OWNED BY public.orders.id",
        ],
    );
}

#[test]
fn a_sequence_goes_with_its_column_without_a_statement_of_its_own() {
    let statements = in_one(&numbered(orders(), true), &Ground::default(), Form::Online);
    assert_eq!(statements, ["DROP TABLE public.orders"]);
    // One that is its own goes after what uses it.
    let statements = in_one(&numbered(orders(), false), &Ground::default(), Form::Online);
    assert_eq!(
        statements,
        ["DROP TABLE public.orders", "DROP SEQUENCE public.ids"]
    );
}

#[test]
fn a_sequence_outlives_its_table_once_it_is_nobodys() {
    let sequence = numbered(orders(), false).0;
    let mut to = Ground(sequence);
    to.0.schema
        .objects
        .retain(|key, _| key.kind == ObjectKind::Sequence);
    to.0.forget_what_is_left_out();
    assert_order(
        &in_one(&numbered(orders(), true), &to, Form::Online),
        &[
            "ALTER SEQUENCE public.ids OWNED BY NONE",
            "DROP TABLE public.orders",
        ],
    );
}

#[test]
fn a_sequence_that_is_new_to_rows_goes_on_after_their_numbers_only() {
    let statements = in_one(&orders(), &numbered(orders(), true), Form::Plain);
    let set: Vec<&String> = statements
        .iter()
        .filter(|each| each.contains("setval"))
        .collect();
    assert_eq!(
        set,
        [
            "SELECT pg_catalog.setval('public.ids', max(id)::bigint) FROM public.orders \
          HAVING max(id) BETWEEN 1 AND 9223372036854775807"
        ]
    );
    let named = |ground: Ground| {
        ground.but(
            ObjectKind::Column,
            "public.orders.id",
            "type",
            json!("text"),
        )
    };
    let statements = in_one(
        &named(orders()),
        &named(numbered(orders(), true)),
        Form::Plain,
    );
    assert!(
        !statements.iter().any(|each| each.contains("setval")),
        "{statements:?}"
    );
}

#[test]
fn what_takes_the_name_of_another_kind_waits_until_it_is_gone() {
    let table = Ground::default().table("public.totals", &[("total", "integer")]);
    let statements = in_one(
        &view(orders()),
        &Ground(merged(orders(), table)),
        Form::Online,
    );
    assert_order(
        &statements,
        &["DROP VIEW public.totals", "CREATE TABLE public.totals"],
    );
}

fn merged(one: Ground, other: Ground) -> crate::model::autogenerate::Facts {
    let mut facts = one.0;
    facts.schema.objects.extend(other.0.schema.objects);
    facts.details.extend(other.0.details);
    facts.dependencies.extend(other.0.dependencies);
    facts
}

#[test]
fn what_waits_for_itself_is_unwritable_and_named() {
    let function =
        |name: &str| json!({"definition": format!("CREATE FUNCTION {name}"), "language": "sql"});
    let one = (ObjectKind::View, "public.a");
    let other = (ObjectKind::View, "public.b");
    let to = Ground::default()
        .with(one.0, one.1, &function("a"))
        .with(other.0, other.1, &function("b"))
        .rests(one, other)
        .rests(other, one);
    let Err(Unwritable { objects }) =
        plan(&Ground::default().0, &to.0, &Casts::new(), Form::Online)
    else {
        panic!("a plan for what has none");
    };
    let named: Vec<_> = objects.keys().cloned().collect();
    assert_eq!(named, [key(one.0, one.1), key(other.0, other.1)]);
}

#[test]
fn what_this_version_does_not_know_is_unwritable_and_named() {
    let to = Ground::default().with(ObjectKind::Unknown, "something", &json!({}));
    let refused = plan(&Ground::default().0, &to.0, &Casts::new(), Form::Online).unwrap_err();
    assert!(
        refused
            .objects
            .contains_key(&key(ObjectKind::Unknown, "something"))
    );
}
