//! The diff and the order of steps, on facts that are made up.

#![allow(clippy::unwrap_used, clippy::panic)]

mod online;
mod ordering;
mod renaming;

use serde_json::json;

use super::{Casts, Form, Phase, fixtures::Ground, plan};
use crate::model::schema::ObjectKind;

/// The phases from one schema to the other.
fn planned(from: &Ground, to: &Ground, form: Form) -> Vec<Phase> {
    plan(&from.0, &to.0, &Casts::new(), form).unwrap_or_else(|error| panic!("{error:?}"))
}

/// The statements of a plan that is one transaction.
fn in_one(from: &Ground, to: &Ground, form: Form) -> Vec<String> {
    let mut phases = planned(from, to, form);
    assert_eq!(phases.len(), 1, "{phases:?}");
    let phase = phases.remove(0);
    assert!(phase.transactional);
    phase.statements
}

/// Asserts that statements with these beginnings come in this order; others may stand between them.
fn assert_order(statements: &[String], beginnings: &[&str]) {
    let mut left = statements.iter();
    for beginning in beginnings {
        assert!(
            left.any(|statement| statement.starts_with(beginning)),
            "{beginning} in its place in {statements:#?}"
        );
    }
}

fn orders() -> Ground {
    Ground::default().table("public.orders", &[("id", "integer"), ("total", "integer")])
}

/// A view of both columns of the orders.
fn view(ground: Ground) -> Ground {
    let view = (ObjectKind::View, "public.totals");
    let column = "public.totals.total";
    let of_view = json!({"on": "public.totals", "type": "integer"});
    ground
        .with(
            view.0,
            view.1,
            &json!({"definition": " SELECT total FROM public.orders;"}),
        )
        .with(ObjectKind::Column, column, &of_view)
        .rests(view, (ObjectKind::Table, "public.orders"))
        .rests(view, (ObjectKind::Column, "public.orders.total"))
}

fn constraint(ground: Ground, name: &str, kind: &str, definition: &str, column: &str) -> Ground {
    let validated = matches!(kind, "check" | "foreign key").then_some(true);
    let identity = format!("{name} on public.orders");
    let properties = json!({"on": "public.orders", "type": kind, "definition": definition, "validated": validated});
    ground
        .with(ObjectKind::Constraint, &identity, &properties)
        .rests(
            (ObjectKind::Constraint, &identity),
            (ObjectKind::Column, column),
        )
}

fn index(ground: Ground) -> Ground {
    let definition = "CREATE INDEX by_total ON public.orders USING btree (total)";
    let properties = json!({"on": "public.orders", "definition": definition, "valid": true});
    ground
        .with(ObjectKind::Index, "public.by_total", &properties)
        .rests(
            (ObjectKind::Index, "public.by_total"),
            (ObjectKind::Column, "public.orders.total"),
        )
}
