//! How objects are addressed, and what is written of what all may have.

#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;
use crate::model::autogenerate::fixtures::Fixture;

#[test]
fn objects_are_addressed_as_comments_take_them() {
    let schema = ("schema", json!("public"));
    let on = ("on", json!("public.t"));
    for (kind, identity, properties, expected) in [
        (ObjectKind::Table, "public.t", vec![], "TABLE public.t"),
        (
            ObjectKind::Column,
            "public.t.a",
            vec![schema.clone(), on.clone()],
            "COLUMN public.t.a",
        ),
        (
            ObjectKind::Constraint,
            "c on public.t",
            vec![schema.clone(), on.clone()],
            "CONSTRAINT c ON public.t",
        ),
        (
            ObjectKind::Constraint,
            "c on domain public.t",
            vec![schema.clone(), on.clone()],
            "CONSTRAINT c ON DOMAIN public.t",
        ),
        (
            ObjectKind::Trigger,
            "\"x on y\" on public.t",
            vec![schema, on],
            "TRIGGER \"x on y\" ON public.t",
        ),
        (ObjectKind::Range, "public.r", vec![], "TYPE public.r"),
        (
            ObjectKind::MaterializedView,
            "public.v",
            vec![],
            "MATERIALIZED VIEW public.v",
        ),
        (
            ObjectKind::Cast,
            "(\"a as b\" as text)",
            vec![],
            "CAST (\"a as b\" AS text)",
        ),
        (
            ObjectKind::Operator,
            "public.+ (a, NONE)",
            vec![],
            "OPERATOR public.+ (a, NONE)",
        ),
        (
            ObjectKind::OperatorClass,
            "public.o using btree",
            vec![],
            "OPERATOR CLASS public.o USING btree",
        ),
        (
            ObjectKind::Transform,
            "for hstore language plperl",
            vec![],
            "TRANSFORM FOR hstore LANGUAGE plperl",
        ),
        (
            ObjectKind::UserMapping,
            "for PUBLIC at server s",
            vec![],
            "USER MAPPING FOR PUBLIC SERVER s",
        ),
        (ObjectKind::ForeignServer, "s", vec![], "SERVER s"),
        (
            ObjectKind::Function,
            "public.f(integer)",
            vec![("kind", json!("window"))],
            "FUNCTION public.f(integer)",
        ),
        (
            ObjectKind::Function,
            "public.a()",
            vec![("kind", json!("aggregate")), ("arguments", json!(""))],
            "AGGREGATE public.a(*)",
        ),
    ] {
        let fixture = Fixture::new(kind, identity, properties);
        assert_eq!(address(&fixture.object()), expected);
    }
}

#[test]
fn comments_beside_the_objects_own_are_set_and_taken_away() {
    let constraint = |comment: Option<&str>| {
        let properties = [
            ("schema", json!("public")),
            ("on", json!("public.t")),
            (
                "index comment",
                comment.map_or(json!(null), |text| json!(text)),
            ),
        ];
        Fixture::new(ObjectKind::Constraint, "c on public.t", properties)
    };
    let (with, without) = (constraint(Some("it's")), constraint(None));
    assert_eq!(
        comments(None, &with.object()),
        ["COMMENT ON INDEX public.c IS 'it''s'"]
    );
    assert_eq!(
        comments(Some(&with.object()), &without.object()),
        ["COMMENT ON INDEX public.c IS NULL"]
    );

    let composite = |comments| {
        let properties = [("attribute comments", comments), ("comment", json!("c"))];
        Fixture::new(ObjectKind::CompositeType, "public.p", properties)
    };
    let (old, new) = (
        composite(json!({"A": "1", "b": "2"})),
        composite(json!({"b": "3"})),
    );
    assert_eq!(
        comments(Some(&old.object()), &new.object()),
        [
            "COMMENT ON COLUMN public.p.\"A\" IS NULL",
            "COMMENT ON COLUMN public.p.b IS '3'"
        ]
    );
}

#[test]
fn labels_and_owners_are_those_of_the_object() {
    let labelled = Fixture::new(
        ObjectKind::Table,
        "public.t",
        [("security labels", json!({"x": "secret"}))],
    );
    assert_eq!(
        labels(None, &labelled.object()),
        ["SECURITY LABEL FOR x ON TABLE public.t IS 'secret'"]
    );
    assert_eq!(
        owner(&labelled.object(), "App").unwrap(),
        "ALTER TABLE public.t OWNER TO \"App\""
    );
    let policy = Fixture::new(
        ObjectKind::Policy,
        "p on public.t",
        [("on", json!("public.t"))],
    );
    assert_eq!(owner(&policy.object(), "app"), None);
}
