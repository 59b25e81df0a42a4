//! What is the same but for its name.

use super::{
    super::{Candidate, Decisions, renames},
    *,
};
use crate::model::autogenerate::fixtures::key;

fn with_note(name: &str) -> Ground {
    let identity = format!("public.orders.{name}");
    let note = json!({"on": "public.orders", "type": "text"});
    orders().with(ObjectKind::Column, &identity, &note)
}

fn named(drops: &[&str], pairs: &[(&str, &str)]) -> Decisions {
    Decisions {
        drops: drops.iter().map(ToString::to_string).collect(),
        renames: pairs
            .iter()
            .map(|(old, new)| ((*old).to_owned(), (*new).to_owned()))
            .collect(),
    }
}

fn candidates(from: &Ground, to: &Ground) -> Vec<Candidate> {
    renames(&from.0, &to.0, &Decisions::default()).unwrap_err()
}

#[test]
fn a_column_of_the_same_type_is_a_candidate_that_is_never_decided_for_the_asker() {
    let (from, to) = (with_note("note"), with_note("remark"));
    let candidate = Candidate {
        dropped: key(ObjectKind::Column, "public.orders.note"),
        added: vec![key(ObjectKind::Column, "public.orders.remark")],
    };
    assert_eq!(candidates(&from, &to), [candidate]);
}

#[test]
fn a_rename_that_was_asked_for_is_one_and_can_be_taken_back() {
    let (from, to) = (with_note("note"), with_note("remark"));
    let decisions = named(&[], &[("public.orders.note", "public.orders.remark")]);
    let renames = renames(&from.0, &to.0, &decisions).unwrap();
    assert_eq!(
        renames.forward,
        ["ALTER TABLE public.orders RENAME COLUMN note TO remark"]
    );
    assert_eq!(
        renames.backward,
        ["ALTER TABLE public.orders RENAME COLUMN remark TO note"]
    );
}

#[test]
fn a_drop_that_was_asked_for_is_no_rename() {
    let (from, to) = (with_note("note"), with_note("remark"));
    let decisions = named(&["public.orders.note"], &[]);
    let renames = renames(&from.0, &to.0, &decisions).unwrap();
    assert!(renames.forward.is_empty());
    let statements = in_one(&from, &to, Form::Online);
    assert_order(&statements, &["ALTER TABLE public.orders DROP COLUMN note"]);
    assert_order(
        &statements,
        &["ALTER TABLE public.orders ADD COLUMN remark text"],
    );
}

#[test]
fn a_column_of_another_type_is_no_candidate() {
    let to = with_note("remark").but(
        ObjectKind::Column,
        "public.orders.remark",
        "type",
        json!("date"),
    );
    assert!(renames(&with_note("note").0, &to.0, &Decisions::default()).is_ok());
}

#[test]
fn a_table_with_the_same_columns_is_a_candidate() {
    let table = |name: &str| Ground::default().table(name, &[("id", "integer")]);
    let (from, to) = (table("public.a"), table("public.b"));
    assert_eq!(
        candidates(&from, &to)[0].added,
        [key(ObjectKind::Table, "public.b")]
    );
    let decided = named(&[], &[("public.a", "public.b")]);
    let renames = renames(&from.0, &to.0, &decided).unwrap();
    assert_eq!(renames.forward, ["ALTER TABLE public.a RENAME TO b"]);
    assert_eq!(renames.backward, ["ALTER TABLE public.b RENAME TO a"]);
}

#[test]
fn a_table_that_moves_to_another_schema_under_another_name_goes_in_two_steps() {
    let to = Ground::default()
        .table("other.b", &[("id", "integer")])
        .but(ObjectKind::Table, "other.b", "schema", json!("other"));
    let from = Ground::default().table("public.a", &[("id", "integer")]);
    let decided = named(&[], &[("public.a", "other.b")]);
    assert_eq!(
        renames(&from.0, &to.0, &decided).unwrap().forward,
        [
            "ALTER TABLE public.a SET SCHEMA other",
            "ALTER TABLE other.a RENAME TO b"
        ]
    );
}

#[test]
fn an_index_that_is_the_same_but_for_its_name_is_renamed_without_asking() {
    let definition = "CREATE INDEX by_sum ON public.orders USING btree (total)";
    let to = orders()
        .with(
            ObjectKind::Index,
            "public.by_sum",
            &json!({"on": "public.orders", "definition": definition, "valid": true}),
        )
        .rests(
            (ObjectKind::Index, "public.by_sum"),
            (ObjectKind::Column, "public.orders.total"),
        );
    let renames = renames(&index(orders()).0, &to.0, &Decisions::default()).unwrap();
    assert_eq!(
        renames.forward,
        ["ALTER INDEX public.by_total RENAME TO by_sum"]
    );
    assert_eq!(
        renames.backward,
        ["ALTER INDEX public.by_sum RENAME TO by_total"]
    );
}
