//! How tables with rows are changed without keeping anyone out.

use super::*;

#[test]
fn an_index_on_a_table_that_is_there_is_built_in_a_phase_of_its_own() {
    let more = orders().with(
        ObjectKind::Column,
        "public.orders.note",
        &json!({"on": "public.orders", "type": "text"}),
    );
    let phases = planned(&orders(), &index(more), Form::Online);
    assert_eq!(phases.len(), 2);
    assert!(phases[0].transactional && !phases[1].transactional);
    assert_eq!(
        phases[0].statements,
        ["ALTER TABLE public.orders ADD COLUMN note text"]
    );
    assert_eq!(
        phases[1].statements,
        ["CREATE INDEX CONCURRENTLY by_total ON public.orders USING btree (total)"]
    );
    let back = planned(&index(orders()), &orders(), Form::StepByStep);
    assert_eq!(
        back[0].statements,
        ["DROP INDEX CONCURRENTLY public.by_total"]
    );
}

#[test]
fn an_index_on_a_new_table_is_built_with_it() {
    let statements = in_one(&Ground::default(), &index(orders()), Form::Online);
    assert_order(
        &statements,
        &["CREATE TABLE public.orders", "CREATE INDEX by_total"],
    );
}

#[test]
fn the_plain_form_is_one_transaction_without_detours() {
    let to = index(constraint(
        orders().but(
            ObjectKind::Column,
            "public.orders.id",
            "not null",
            json!(true),
        ),
        "whole",
        "check",
        "CHECK ((total > 0))",
        "public.orders.total",
    ));
    let statements = in_one(&orders(), &to, Form::Plain);
    let all = statements.join("\n");
    assert!(
        !all.contains("CONCURRENTLY") && !all.contains("NOT VALID"),
        "{all}"
    );
    assert_eq!(statements.len(), 3, "{all}");
}

#[test]
fn checks_and_foreign_keys_are_added_at_once_and_look_at_rows_later() {
    for (kind, definition) in [
        ("check", "CHECK ((total > 0))"),
        (
            "foreign key",
            "FOREIGN KEY (total) REFERENCES public.orders(id)",
        ),
    ] {
        let to = constraint(orders(), "sound", kind, definition, "public.orders.total");
        let phases = planned(&orders(), &to, Form::Online);
        assert_eq!(phases.len(), 2);
        assert!(phases[0].transactional && !phases[1].transactional);
        assert!(
            phases[0].statements[0].ends_with(&format!("{definition} NOT VALID")),
            "{phases:?}"
        );
        assert!(
            phases[1].statements[0].ends_with("VALIDATE CONSTRAINT sound"),
            "{phases:?}"
        );
        // A new table has no rows to look at.
        let made = in_one(&Ground::default(), &to, Form::Online).join("\n");
        assert!(!made.contains("VALID"), "{made}");
    }
}

#[test]
fn a_column_becomes_not_null_by_a_check_that_was_validated() {
    let to = orders().but(
        ObjectKind::Column,
        "public.orders.total",
        "not null",
        json!(true),
    );
    let phases = planned(&orders(), &to, Form::Online);
    assert_eq!(phases.len(), 1);
    assert!(!phases[0].transactional);
    let statements = &phases[0].statements;
    assert!(statements[0].ends_with("CHECK (total IS NOT NULL) NOT VALID"));
    assert!(statements[1].contains("VALIDATE CONSTRAINT"));
    assert!(statements[2].ends_with("ALTER COLUMN total SET NOT NULL"));
    assert!(statements[3].contains("DROP CONSTRAINT"));
    let plain = in_one(&orders(), &to, Form::Plain);
    assert_eq!(
        plain,
        ["ALTER TABLE public.orders ALTER COLUMN total SET NOT NULL"]
    );
}

#[test]
fn a_unique_constraint_takes_over_an_index_that_was_built_beside_the_traffic() {
    let to = constraint(
        orders(),
        "once",
        "unique",
        "UNIQUE (total)",
        "public.orders.total",
    );
    let to = to.detail(
        ObjectKind::Constraint,
        "once on public.orders",
        "index definition",
        json!("CREATE UNIQUE INDEX once ON public.orders USING btree (total)"),
    );
    let phases = planned(&orders(), &to, Form::Online);
    assert_eq!(phases.len(), 1);
    assert!(!phases[0].transactional);
    assert_order(
        &phases[0].statements,
        &[
            "CREATE UNIQUE INDEX CONCURRENTLY once ON public.orders",
            "ALTER TABLE public.orders ADD CONSTRAINT once UNIQUE USING INDEX once",
        ],
    );
}

#[test]
fn a_primary_key_waits_for_its_column_to_be_not_null() {
    let id = "public.orders.id";
    let to = constraint(
        orders().but(ObjectKind::Column, id, "not null", json!(true)),
        "orders_pkey",
        "primary key",
        "PRIMARY KEY (id)",
        id,
    );
    let to = to.detail(
        ObjectKind::Constraint,
        "orders_pkey on public.orders",
        "index definition",
        json!("CREATE UNIQUE INDEX orders_pkey ON public.orders USING btree (id)"),
    );
    let phases = planned(&orders(), &to, Form::Online);
    let statements: Vec<String> = phases
        .into_iter()
        .flat_map(|phase| phase.statements)
        .collect();
    assert_order(
        &statements,
        &[
            "ALTER TABLE public.orders ALTER COLUMN id SET NOT NULL",
            "CREATE UNIQUE INDEX CONCURRENTLY orders_pkey",
            "ALTER TABLE public.orders ADD CONSTRAINT orders_pkey PRIMARY KEY USING INDEX orders_pkey",
        ],
    );
}
