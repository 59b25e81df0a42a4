//! What the audit finds and what the plan makes, on servers of every version from 13 on: only one of them is at hand, and
//! so the others are reasoned about here.

#![allow(clippy::unwrap_used)]

use super::{facts::*, purpose::Attribute, *};

fn roles() -> PurposeRoles {
    PurposeRoles {
        database: "app".to_owned(),
        server_database: "postgres".to_owned(),
        admin: "adm".to_owned(),
        migrator: "mig".to_owned(),
        backup: "bak".to_owned(),
        maintenance: "mnt".to_owned(),
        applications: vec!["web".to_owned()],
        read_only: vec!["bi".to_owned()],
        superusers: Vec::new(),
    }
}

fn statements(version: u32) -> Vec<String> {
    let steps = setup(&roles(), version).into_iter();
    steps.map(|step| step.statement).collect()
}

/// The facts of a server on which the roles stand as they should.
fn good(version: u32) -> Facts {
    let roles = roles();
    let mut facts = Facts::fresh(&roles, version);
    let login = |more: &[Attribute]| RoleFacts {
        attributes: [&[Attribute::Login], more].concat(),
        ..RoleFacts::default()
    };
    let mut backup = login(&[Attribute::BypassRowSecurity]);
    for (name, value) in purpose::needs(Purpose::Backup, version).settings {
        backup
            .settings
            .insert((*name).to_owned(), (*value).to_owned());
    }
    facts.roles.extend([
        (
            "adm".to_owned(),
            login(&[Attribute::CreateDatabase, Attribute::BypassRowSecurity]),
        ),
        ("mig".to_owned(), login(&[])),
        ("bak".to_owned(), backup),
        ("mnt".to_owned(), login(&[])),
        ("web".to_owned(), login(&[])),
        ("bi".to_owned(), login(&[])),
    ]);
    let maintained = if version >= purpose::MAINTAIN_SINCE {
        "pg_maintain"
    } else {
        "mig"
    };
    for (member, role) in [
        ("adm", "mig"),
        ("adm", "web"),
        ("adm", "pg_signal_backend"),
        ("adm", "pg_read_all_stats"),
        ("bak", "pg_read_all_data"),
        ("mnt", maintained),
        ("mnt", "pg_monitor"),
    ] {
        facts.memberships.push(member_of(member, role));
    }
    facts.database_grants = [
        ("mig", "CONNECT"),
        ("mig", "CREATE"),
        ("mig", "TEMPORARY"),
        ("bak", "CONNECT"),
        ("mnt", "CONNECT"),
        ("web", "CONNECT"),
        ("bi", "CONNECT"),
    ]
    .map(|(role, privilege)| grant("adm", Some(role), privilege))
    .to_vec();
    facts.admin_reaches_server = true;
    facts.schemas = vec![SchemaFacts {
        name: "public".to_owned(),
        owner: "mig".to_owned(),
        grants: vec![grant("mig", None, "USAGE")],
    }];
    for (kind, role, privileges) in [
        (DefaultKind::Schemas, "web", "USAGE"),
        (DefaultKind::Schemas, "bi", "USAGE"),
        (DefaultKind::Tables, "web", "SELECT INSERT UPDATE DELETE"),
        (DefaultKind::Tables, "bi", "SELECT"),
        (DefaultKind::Sequences, "web", "SELECT USAGE"),
        (DefaultKind::Sequences, "bi", "SELECT"),
    ] {
        let grants = privileges
            .split(' ')
            .map(|one| grant("mig", Some(role), one));
        facts.defaults.push(DefaultAcl {
            owner: "mig".to_owned(),
            schema: None,
            kind,
            grants: grants.collect(),
        });
    }
    facts
}

fn member_of(member: &str, role: &str) -> Membership {
    Membership {
        member: member.to_owned(),
        role: role.to_owned(),
        grantor: "postgres".to_owned(),
        inherits: true,
        sets: true,
    }
}

fn grant(grantor: &str, grantee: Option<&str>, privilege: &str) -> Grant {
    Grant {
        grantor: grantor.to_owned(),
        grantee: grantee.map(ToOwned::to_owned),
        privilege: privilege.to_owned(),
        grantable: false,
        of_columns: false,
    }
}

fn table(owner: &str, grants: Vec<Grant>) -> RelationFacts {
    RelationFacts {
        schema: "public".to_owned(),
        name: "orders".to_owned(),
        kind: RelationKind::Table,
        owner: owner.to_owned(),
        of_column: false,
        grants,
    }
}

/// Reason, role and statement of each finding.
fn found(roles: &PurposeRoles, facts: &Facts) -> Vec<(String, String, String)> {
    audit(roles, facts)
        .into_iter()
        .map(|finding| (finding.reason, finding.role, finding.statement))
        .collect()
}

fn only(facts: &Facts) -> (String, String, String) {
    let found = found(&roles(), facts);
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

#[test]
fn nothing_is_found_where_the_roles_are_as_they_should_be() {
    for version in [140_000, 150_018, 160_000, 170_000, 180_000] {
        assert_eq!(found(&roles(), &good(version)), [], "{version}");
    }
}

#[test]
fn the_plan_of_each_version_gives_only_what_that_version_wants() {
    let has = |version, statement: &str| statements(version).iter().any(|one| one == statement);
    for version in [140_000, 150_000, 160_000] {
        assert!(has(version, r#"GRANT "mig" TO "mnt""#), "{version}");
        assert!(
            !has(version, r#"GRANT "pg_maintain" TO "mnt""#),
            "{version}"
        );
    }
    for version in [170_000, 180_000] {
        assert!(has(version, r#"GRANT "pg_maintain" TO "mnt""#), "{version}");
        assert!(!has(version, r#"GRANT "mig" TO "mnt""#), "{version}");
    }
    let closes = r#"REVOKE CREATE ON SCHEMA "public" FROM PUBLIC"#;
    assert!(has(140_000, closes) && !has(150_000, closes));
    assert!(!has(130_000, r#"GRANT "pg_read_all_data" TO "bak""#));
    assert!(has(140_000, r#"GRANT "pg_read_all_data" TO "bak""#));
    for version in [140_000, 170_000] {
        let all = statements(version).concat();
        assert!(
            !all.contains("SUPERUSER") && !all.contains("CREATEROLE"),
            "{all}"
        );
    }
}

#[test]
fn a_server_before_14_is_told_what_it_lacks_and_each_table_is_named() {
    let mut facts = good(130_000);
    facts.relations = vec![table("mig", Vec::new())];
    let reasons: Vec<String> = found(&roles(), &facts)
        .into_iter()
        .map(|one| one.0)
        .collect();
    assert_eq!(
        reasons,
        [
            "SERVER_TOO_OLD",
            "MEMBERSHIP_EXCESSIVE",
            "BACKUP_CANNOT_READ"
        ]
    );
}

#[test]
fn who_reaches_a_role_through_others_is_found_at_the_first_of_them() {
    let mut facts = good(150_000);
    facts.roles.insert("team".to_owned(), RoleFacts::default());
    facts.memberships.push(member_of("web", "team"));
    assert_eq!(found(&roles(), &facts), []);
    facts.memberships.push(member_of("team", "mig"));
    let (reason, role, statement) = only(&facts);
    assert_eq!(
        (reason.as_str(), role.as_str()),
        ("MEMBERSHIP_EXCESSIVE", "web")
    );
    assert_eq!(statement, r#"REVOKE "team" FROM "web""#);
    facts.version = 160_000;
    assert_eq!(
        only(&facts).2,
        r#"REVOKE "team" FROM "web" GRANTED BY "postgres""#
    );
}

#[test]
fn what_a_membership_does_not_inherit_is_lacking_and_said_by_version() {
    let mut facts = good(150_000);
    facts.memberships[0].inherits = false;
    assert_eq!(only(&facts).2, r#"ALTER ROLE "adm" INHERIT"#);
    facts.version = 160_000;
    assert_eq!(only(&facts).2, r#"GRANT "mig" TO "adm" WITH INHERIT TRUE"#);
}

#[test]
fn the_application_holds_rows_only_and_what_others_granted_is_taken_in_their_name() {
    let mut facts = good(150_000);
    let granted = ["SELECT", "UPDATE", "TRUNCATE"].map(|one| grant("mig", Some("web"), one));
    facts.relations = vec![table("mig", granted.to_vec())];
    let (reason, _, statement) = only(&facts);
    assert_eq!(reason, "APPLICATION_MORE_THAN_ROWS");
    assert_eq!(
        statement,
        r#"REVOKE TRUNCATE ON TABLE "public"."orders" FROM "web""#
    );
    facts.relations = vec![table("mig", vec![grant("adm", Some("web"), "TRIGGER")])];
    assert_eq!(
        only(&facts).2,
        r#"SET ROLE "adm"; REVOKE TRIGGER ON TABLE "public"."orders" FROM "web"; RESET ROLE"#
    );
    facts.relations = vec![table("web", Vec::new())];
    let (reason, role, statement) = only(&facts);
    assert_eq!(
        (reason.as_str(), role.as_str()),
        ("APPLICATION_OWNS", "web")
    );
    assert_eq!(statement, r#"ALTER TABLE "public"."orders" OWNER TO "mig""#);
}

#[test]
fn objects_may_belong_to_a_role_that_the_migrator_acts_as() {
    let mut facts = good(150_000);
    facts.relations = vec![table("team", Vec::new())];
    assert_eq!(only(&facts).0, "OBJECT_OWNER");
    facts.memberships.push(member_of("mig", "team"));
    // The admin and maintenance act as it too, since they act as the migrator.
    assert_eq!(found(&roles(), &facts), []);
}

#[test]
fn maintenance_mode_is_no_lack_of_the_application() {
    let mut facts = good(150_000);
    facts
        .database_grants
        .retain(|grant| !matches!(grant.grantee.as_deref(), Some("web" | "bi")));
    assert_eq!(found(&roles(), &facts).len(), 2);
    facts.in_maintenance = true;
    assert_eq!(found(&roles(), &facts), []);
}

#[test]
fn one_role_for_several_purposes_or_for_the_application_too_is_found_and_nothing_else_of_it() {
    let mut shared = roles();
    shared.applications = vec!["mig".to_owned()];
    let mut facts = good(150_000);
    facts.memberships.retain(|one| one.role != "web");
    let reasons: Vec<String> = found(&shared, &facts)
        .into_iter()
        .map(|one| one.0)
        .collect();
    assert_eq!(reasons, ["PURPOSE_IS_APPLICATION"]);
}

#[test]
fn default_privileges_of_one_schema_do_not_cover_those_to_come() {
    let mut facts = good(150_000);
    for row in &mut facts.defaults {
        if row.kind == DefaultKind::Tables && gives_to_web(row) {
            row.schema = Some("public".to_owned());
        }
    }
    let findings = audit(&roles(), &facts);
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(
        findings[0].message.ends_with("will make, but in public"),
        "{findings:?}"
    );
}

fn gives_to_web(row: &DefaultAcl) -> bool {
    row.grants
        .iter()
        .any(|grant| grant.grantee.as_deref() == Some("web"))
}

#[test]
fn where_functions_are_no_longer_everyones_the_application_gets_them_by_name() {
    let mut facts = good(150_000);
    facts.defaults.push(DefaultAcl {
        owner: "mig".to_owned(),
        schema: None,
        kind: DefaultKind::Functions,
        grants: Vec::new(),
    });
    assert_eq!(
        only(&facts).2,
        r#"ALTER DEFAULT PRIVILEGES FOR ROLE "mig" GRANT EXECUTE ON FUNCTIONS TO "web""#
    );
}

#[test]
fn the_superuser_that_initdb_made_is_told_of_without_a_statement() {
    let mut roles = roles();
    roles.backup = "postgres".to_owned();
    let mut facts = good(150_000);
    facts.roles.remove("bak");
    let excess: Vec<_> = found(&roles, &facts)
        .into_iter()
        .filter(|one| one.0 == "ATTRIBUTE_EXCESSIVE")
        .collect();
    assert_eq!(excess.len(), 1);
    assert_eq!(excess[0].2, "");
    roles.superusers = vec![Purpose::Backup];
    let severities: Vec<Severity> = audit(&roles, &facts)
        .into_iter()
        .filter(|one| one.reason == "ATTRIBUTE_EXCESSIVE")
        .map(|one| one.severity)
        .collect();
    assert_eq!(severities, [Severity::Info]);
}

#[test]
fn what_stands_is_given_to_a_client_that_holds_nothing_of_it() {
    let mut facts = good(150_000);
    facts.relations = vec![table("mig", vec![grant("mig", Some("bi"), "SELECT")])];
    let all = existing(&roles(), &facts, |_| true);
    let statements: Vec<&str> = all
        .iter()
        .map(|(_, statement)| statement.as_str())
        .collect();
    assert_eq!(
        statements,
        [r#"GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE "public"."orders" TO "web""#]
    );
    assert_eq!(existing(&roles(), &facts, |role| role == "bi"), []);
    // Whose tables become the migrator's goes on using them.
    facts.relations = vec![table("web", Vec::new())];
    assert_eq!(existing(&roles(), &facts, |_| false), all);
}

#[test]
fn the_script_decides_by_the_servers_version_and_holds_no_password() {
    let control = ControlStore {
        role: "pgsteward".to_owned(),
        database: "control \"one\"".to_owned(),
    };
    let text = script(&[roles()], Some(&control), &["adm".to_owned()]);
    for part in [
        "SELECT E'CREATE ROLE \"adm\"' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = E'adm') \\gexec\nALTER ROLE \"adm\" LOGIN CREATEDB BYPASSRLS;\n",
        "\\if :since_17\nGRANT \"pg_maintain\" TO \"mnt\";\n\\endif\n",
        "\\if :since_14\n\\if :since_17\n\\else\nGRANT \"mig\" TO \"mnt\";\n\\endif\n\\endif\n",
        "\\if :since_14\n\\if :since_15\n\\else\nREVOKE CREATE ON SCHEMA \"public\" FROM PUBLIC;\n\\endif\n\\endif\n",
        "CREATE DATABASE \"control \"\"one\"\"\" OWNER \"pgsteward\" TEMPLATE template0",
        "\\connect \"app\"\n",
        "--   \\password \"adm\"\n",
    ] {
        assert!(text.contains(part), "{part}\nis not in\n{text}");
    }
    assert!(!text.contains("PASSWORD"), "{text}");
}
