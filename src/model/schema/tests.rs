//! Tests of facts, fingerprints, differences and what is carried over a migration.

#![allow(clippy::unwrap_used)]

use proptest::{collection::btree_map, prelude::*};
use serde_json::json;

use super::*;

fn key(kind: ObjectKind, identity: &str) -> ObjectKey {
    ObjectKey {
        kind,
        identity: identity.to_owned(),
    }
}

fn schema(objects: &[(ObjectKind, &str, Value)]) -> Schema {
    let objects = objects.iter().map(|(kind, identity, properties)| {
        let properties = serde_json::from_value(properties.clone()).unwrap();
        (key(*kind, identity), properties)
    });
    Schema {
        objects: objects.collect(),
    }
}

fn lines(before: &Schema, after: &Schema) -> Vec<String> {
    let differences = before.differences(after);
    differences.iter().map(ToString::to_string).collect()
}

fn orders() -> Schema {
    let on = json!({"on": "public.orders", "schema": "public", "type": "integer"});
    schema(&[
        (ObjectKind::Schema, "public", json!({"owner": "app"})),
        (
            ObjectKind::Table,
            "public.orders",
            json!({"schema": "public"}),
        ),
        (ObjectKind::Column, "public.orders.id", on.clone()),
        (ObjectKind::Column, "public.orders.total", on.clone()),
        (ObjectKind::Index, "public.orders_total", on),
    ])
}

#[test]
fn the_fingerprint_is_that_of_the_documented_form() {
    // printf 'pgsteward schema 1\n["schema","public",{"owner":"app"}]' | sha256sum
    assert_eq!(
        schema(&[(ObjectKind::Schema, "public", json!({"owner": "app"}))]).fingerprint(),
        "fe94c98099e6026a69a9c327e6c314ab589ad79c469dd48e89e9b354628b8f32"
    );
    assert_eq!(Schema::default().fingerprint().len(), 64);
}

#[test]
fn the_order_of_names_within_a_property_does_not_count() {
    let one: Properties = serde_json::from_str(r#"{"map": {"a": 1, "b": 2}}"#).unwrap();
    let other: Properties = serde_json::from_str(r#"{"map": {"b": 2, "a": 1}}"#).unwrap();
    let of = |properties| Schema {
        objects: [(key(ObjectKind::Table, "t"), properties)].into(),
    };
    assert_eq!(of(one).fingerprint(), of(other).fingerprint());
}

#[test]
fn as_json_it_is_a_list_of_objects_and_is_read_back() {
    let stored = serde_json::to_value(orders()).unwrap();
    assert_eq!(
        stored[0],
        json!({"kind": "schema", "identity": "public", "properties": {"owner": "app"}})
    );
    assert_eq!(serde_json::from_value::<Schema>(stored).unwrap(), orders());
    let twice = json!([
        {"kind": "table", "identity": "t", "properties": {}},
        {"kind": "table", "identity": "t", "properties": {"owner": "app"}},
    ]);
    let error = serde_json::from_value::<Schema>(twice).unwrap_err();
    assert!(error.to_string().contains("table t is listed twice"));
}

#[test]
fn every_kind_is_read_back_from_its_name() {
    for kind in ObjectKind::ALL {
        assert_eq!(kind.name().parse(), Ok(*kind));
        assert_eq!(serde_json::to_value(kind).unwrap(), json!(kind.name()));
    }
    let error = "tables".parse::<ObjectKind>().unwrap_err();
    assert_eq!(error.to_string(), r#""tables" is no kind of object"#);
}

#[test]
fn a_changed_column_is_one_line() {
    let mut live = orders();
    let total = key(ObjectKind::Column, "public.orders.total");
    let properties = live.objects.get_mut(&total).unwrap();
    properties.insert("type".to_owned(), json!("bigint"));
    properties.insert("default".to_owned(), json!("0"));
    assert_eq!(
        lines(&orders(), &live),
        [
            "column public.orders.total: default is 0 instead of none; type is bigint instead of integer"
        ]
    );
    assert_eq!(
        lines(&live, &orders()),
        [
            "column public.orders.total: default is none instead of 0; type is integer instead of bigint"
        ]
    );
}

#[test]
fn a_table_is_added_or_dropped_with_all_that_hangs_on_it() {
    let without = orders().without(&["public.orders".parse().unwrap()]);
    assert_eq!(
        lines(&without, &orders()),
        ["table public.orders was added with 2 columns, 1 index"]
    );
    assert_eq!(
        lines(&orders(), &without),
        ["table public.orders was dropped with 2 columns, 1 index"]
    );
}

#[test]
fn what_hangs_on_a_table_that_stays_is_named_itself() {
    let without = orders().without(&["index public.orders_total".parse().unwrap()]);
    assert_eq!(
        lines(&orders(), &without),
        ["index public.orders_total was dropped"]
    );
    assert_eq!(
        lines(&without, &orders()),
        ["index public.orders_total was added"]
    );
}

#[test]
fn a_table_that_became_a_view_is_two_differences() {
    let column = |kind: &str| json!({"on": "public.x", "type": kind});
    let table = schema(&[
        (ObjectKind::Table, "public.x", json!({})),
        (ObjectKind::Column, "public.x.a", column("integer")),
        (ObjectKind::Column, "public.x.b", column("integer")),
    ]);
    let view = schema(&[
        (ObjectKind::View, "public.x", json!({})),
        (ObjectKind::Column, "public.x.a", column("text")),
    ]);
    assert_eq!(
        lines(&table, &view),
        [
            "table public.x was dropped with 1 column",
            "view public.x was added",
            "column public.x.a: type is text instead of integer",
        ]
    );
}

#[test]
fn lists_say_what_they_gained_and_lost() {
    let of = |acl: Value| schema(&[(ObjectKind::Table, "t", json!({ "acl": acl }))]);
    let before = of(json!(["app=r/owner", "owner=arwd/owner"]));
    let after = of(json!(["app=rw/owner", "owner=arwd/owner"]));
    assert_eq!(
        lines(&before, &after),
        ["table t: acl gained app=rw/owner and lost app=r/owner"]
    );
    let turned = of(json!(["owner=arwd/owner", "app=r/owner"]));
    assert_eq!(
        lines(&before, &turned),
        [
            "table t: acl is [owner=arwd/owner, app=r/owner] instead of [app=r/owner, owner=arwd/owner]"
        ]
    );
}

#[test]
fn long_texts_are_shown_where_they_differ() {
    let of = |text: &str| {
        let definition = format!("{}\n  {text} {}", "é".repeat(200), "b".repeat(200));
        schema(&[(
            ObjectKind::Function,
            "f()",
            json!({"definition": definition}),
        )])
    };
    let said = &lines(&of("return 1;"), &of("return 2;"))[0];
    assert!(said.contains("return 2;") && said.contains("return 1;"));
    assert!(said.chars().count() < 200 && !said.contains('\n'), "{said}");
    assert_eq!(
        lines(&of("return 1;"), &of("return  1;")),
        ["function f(): definition differs in white space"]
    );
}

#[test]
fn a_difference_is_stored_and_read_back() {
    let without = orders().without(&["table public.orders".parse().unwrap()]);
    let differences = without.differences(&orders());
    let stored = serde_json::to_value(&differences).unwrap();
    assert_eq!(
        stored,
        json!([{"kind": "table", "identity": "public.orders", "change": "added",
                "with": {"column": 2, "index": 1}}])
    );
    let read: Vec<Difference> = serde_json::from_value(stored).unwrap();
    assert_eq!(read, differences);
}

#[test]
fn a_pattern_covers_what_hangs_on_and_is_in_what_it_names() {
    let left = |pattern: &str| orders().without(&[pattern.parse().unwrap()]).objects.len();
    assert_eq!(left("public"), 0);
    assert_eq!(left("schema public"), 0);
    assert_eq!(left("schema pub*"), 0);
    assert_eq!(left("table public.orders"), 1);
    assert_eq!(left("table public.*"), 1);
    assert_eq!(left("public.orders_*"), 4);
    assert_eq!(left("column public.*.total"), 4);
    assert_eq!(left("column *"), 3);
    assert_eq!(left("view *.orders.*.total"), 5);
    assert_eq!(left("table public.order"), 5);
    assert_eq!(left("*"), 0);
    for wrong in ["", " ", "table", "materialized view "] {
        assert!(wrong.parse::<ObjectPattern>().is_err(), "{wrong:?}");
    }
    for text in ["table public.a*", "materialized view x", "a * b"] {
        assert_eq!(text.parse::<ObjectPattern>().unwrap().to_string(), text);
    }
}

/// Few keys and values, so that schemas share some.
fn any_schema() -> impl Strategy<Value = Schema> {
    let any_key = (0..3_usize, 0..3_u8).prop_map(|(kind, name)| {
        let kind = [ObjectKind::Table, ObjectKind::Column, ObjectKind::View][kind];
        key(kind, &format!("t{name}"))
    });
    let any_property = prop_oneof![Just("on"), Just("schema"), Just("type")];
    let any_value = prop_oneof![
        (0..3_u8).prop_map(|n| json!(format!("t{n}"))),
        Just(json!(["t0", 1])),
    ];
    let any_properties = btree_map(any_property.prop_map(str::to_owned), any_value, 0..3);
    btree_map(any_key, any_properties, 0..7).prop_map(|objects| Schema { objects })
}

proptest! {
    #[test]
    fn fingerprints_are_equal_exactly_for_equal_schemas(a in any_schema(), b in any_schema()) {
        prop_assert_eq!(a.fingerprint() == b.fingerprint(), a == b);
        let stored = serde_json::to_string(&a).unwrap();
        let read: Schema = serde_json::from_str(&stored).unwrap();
        prop_assert_eq!(read.fingerprint(), a.fingerprint());
    }

    #[test]
    fn there_are_differences_exactly_between_unequal_schemas(a in any_schema(), b in any_schema()) {
        prop_assert!(a.differences(&a).is_empty());
        let differences = a.differences(&b);
        // What hangs on something that is gone goes unnamed; with nothing hanging, every key that differs is named once.
        let nothing_hangs = !a.objects.values().chain(b.objects.values()).any(|p| p.contains_key(ON));
        if nothing_hangs {
            let mut keys: Vec<_> = a.objects.keys().chain(b.objects.keys()).collect();
            keys.sort();
            keys.dedup();
            keys.retain(|key| a.objects.get(*key) != b.objects.get(*key));
            prop_assert_eq!(differences.iter().map(|d| &d.key).collect::<Vec<_>>(), keys);
        }
        for difference in differences {
            prop_assert_eq!(difference.to_string().lines().count(), 1);
        }
    }

    #[test]
    fn the_reference_follows_what_a_migration_touched_and_nothing_else(
        reference in any_schema(), before in any_schema(), after in any_schema(),
    ) {
        let carried = Schema::carry(&reference, &before, &after);
        for key in carried.objects.keys().chain(reference.objects.keys()).chain(after.objects.keys()) {
            let touched = before.objects.get(key) != after.objects.get(key);
            let said_by = if touched { &after } else { &reference };
            prop_assert_eq!(carried.objects.get(key), said_by.objects.get(key));
        }
    }

    #[test]
    fn a_migration_without_drift_makes_what_it_made_the_reference(before in any_schema(), after in any_schema()) {
        prop_assert_eq!(Schema::carry(&before, &before, &after), after.clone());
        prop_assert_eq!(Schema::carry(&after, &before, &before), after);
    }

    #[test]
    fn drift_on_what_a_migration_leaves_alone_is_still_seen_after_it(
        reference in any_schema(), before in any_schema(), after in any_schema(),
    ) {
        let carried = Schema::carry(&reference, &before, &after);
        for key in reference.objects.keys().chain(before.objects.keys()) {
            let (expected, found) = (reference.objects.get(key), before.objects.get(key));
            if expected != found && found == after.objects.get(key) {
                prop_assert_ne!(carried.objects.get(key), after.objects.get(key));
            }
        }
    }
}
