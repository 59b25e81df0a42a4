//! Embedded or configured, one connection per purpose, and the control store apart.

use std::path::PathBuf;

use super::{super::*, assert_refused, load};

const CONTROL: &str = "control.url = 'postgresql://steward:x@h/steward'\n";

fn configured(databases: &str) -> String {
    format!("{CONTROL}{databases}")
}

#[test]
fn without_control_store_and_databases_the_embedded_server_is_used() {
    let Source::Embedded { user, app } = load("").source else {
        panic!("not embedded")
    };
    assert_eq!(user, None);
    assert_eq!(
        app.directory,
        PathBuf::from("/home/steward/.local/share/pgsteward/revisions/app")
    );
    assert_eq!(
        (
            app.version_table.as_str(),
            app.version_table_schema.as_str()
        ),
        ("alembic_version", "public")
    );
}

#[test]
fn the_embedded_database_may_have_its_own_revisions() {
    let text = "embedded.user = 'pg'\n[databases.app]\nrevisions = '/src/migrations'\nversion_table = 'versions'\nversion_table_schema = 'meta'";
    let Source::Embedded { user, app } = load(text).source else {
        panic!("not embedded")
    };
    assert_eq!(user.as_deref(), Some("pg"));
    assert_eq!(app.directory, PathBuf::from("/src/migrations"));
    assert_eq!(
        (
            app.version_table.as_str(),
            app.version_table_schema.as_str()
        ),
        ("versions", "meta")
    );
    assert!(matches!(
        load("[databases.app]\n[control]").source,
        Source::Embedded { .. }
    ));
}

#[test]
fn models_are_declared_for_all_databases_or_for_one() {
    let two = configured(
        "migrations.models = '/src/models'
         [databases.app]\nurl = 'postgresql://u:x@h/app'
         [databases.shop]\nurl = 'postgresql://u:x@h/shop'\nmodels = '/src/shop'",
    );
    let Source::Configured { databases, .. } = load(&two).source else {
        panic!("embedded")
    };
    let models = |name: &str| databases[name].revisions.models.clone();
    assert_eq!(models("app"), Some(PathBuf::from("/src/models")));
    assert_eq!(models("shop"), Some(PathBuf::from("/src/shop")));
    let Source::Embedded { app, .. } = load("").source else {
        panic!("not embedded")
    };
    assert_eq!(app.models, None);
}

#[test]
fn the_embedded_server_manages_nothing_else() {
    assert_refused(
        "[databases.shop]",
        &["`databases.shop` has no URL", "only `app`", "control.url"],
    );
    assert_refused(
        "embedded.enabled = true\ndatabases.app.url = 'postgresql://u@h/app'",
        &["`databases.app.url` is given, but the embedded server"],
    );
    assert_refused(
        &configured("embedded.enabled = true"),
        &["`embedded.enabled` is true beside `control.url`"],
    );
    assert_refused(
        "embedded.user = ''",
        &["`embedded.user` must be the name of an account"],
    );
}

#[test]
fn configured_databases_need_a_control_store() {
    assert_refused(
        "databases.app.url = 'postgresql://u@h/app'",
        &["`control.url` is missing", "empty database"],
    );
    assert_refused(
        "databases.app.backup = 'postgresql://u@h/app'",
        &["`control.url` is missing"],
    );
    assert_refused("embedded.enabled = false", &["`control.url` is missing"]);
    assert_refused(CONTROL, &["`databases` is empty", "[databases.app]"]);
}

#[test]
fn one_url_serves_all_purposes() {
    let text = configured("databases.shop.url = 'postgresql://owner:x@h:5433/shop_production'");
    let Source::Configured {
        control,
        owner,
        databases,
    } = load(&text).source
    else {
        panic!("embedded")
    };
    assert_eq!(control.database(), "steward");
    assert!(owner.is_none());
    let shop = &databases["shop"];
    for url in [&shop.admin, &shop.migrator, &shop.backup, &shop.maintenance] {
        assert_eq!(
            (url.user(), url.database(), url.server().as_str()),
            ("owner", "shop_production", "h:5433")
        );
    }
    assert!(
        shop.revisions
            .directory
            .ends_with("pgsteward/revisions/shop")
    );
}

#[test]
fn the_control_stores_owner_is_another_role_of_the_same_database() {
    let with_owner = |owner: &str| {
        format!("control.owner_url = '{owner}'\n")
            + &configured("databases.app.url = 'postgresql://u@h/app'")
    };
    let Some(control) = CONTROL.split('\'').nth(1) else {
        panic!("no URL")
    };
    let control: super::super::ConnectionUrl = control.parse().unwrap();
    let (server, database) = (control.server(), control.database());
    let text = with_owner(&format!("postgresql://owner:hush@{server}/{database}"));
    let config = load(&text);
    let Source::Configured { owner, .. } = &config.source else {
        panic!("embedded")
    };
    assert_eq!(owner.as_ref().unwrap().user(), "owner");
    assert!(
        config
            .shown()
            .contains("owner_url = \"postgresql://owner:***@")
    );
    assert_refused(
        &with_owner(&format!("postgresql://owner@{server}/other")),
        &["`control.owner_url` is another server or database"],
    );
    let user = control.user();
    assert_refused(
        &with_owner(&format!("postgresql://{user}@{server}/{database}")),
        &["`control.owner_url` names the role of `control.url`"],
    );
    assert_refused(
        "control.owner_url = 'postgresql://u@h/c'",
        &["without `control.url`"],
    );
}

#[test]
fn a_purpose_may_have_its_own_url() {
    let text = configured(
        "[databases.app]\nurl = 'postgresql://owner@h/app'\nbackup = 'postgresql://reader@h:5432/app'",
    );
    let Source::Configured { databases, .. } = load(&text).source else {
        panic!("embedded")
    };
    assert_eq!(databases["app"].backup.user(), "reader");
    assert_eq!(databases["app"].admin.user(), "owner");
}

#[test]
fn a_purpose_without_any_url_is_named() {
    let three = "[databases.app]\nadmin = 'postgresql://a@h/app'\nbackup = 'postgresql://b@h/app'\nmaintenance = 'postgresql://c@h/app'";
    assert_refused(
        &configured(three),
        &["`databases.app.migrator` is missing, and so is `databases.app.url`"],
    );
    assert_refused(
        &configured("[databases.app]"),
        &["`databases.app.admin` is missing"],
    );
}

#[test]
fn all_purposes_must_mean_the_same_database() {
    for other in [
        "postgresql://u@h/other",
        "postgresql://u@elsewhere/app",
        "postgresql://u@h:5433/app",
    ] {
        assert_refused(
            &configured(&format!(
                "[databases.app]\nurl = 'postgresql://u@h/app'\nmigrator = '{other}'"
            )),
            &[
                "`databases.app.migrator` is another server or database than that of `databases.app.admin`",
            ],
        );
    }
    assert_refused(
        &configured(
            "[databases.app]\nurl = 'postgresql://u@h/app'\nadmin = 'postgresql://u@h/other'",
        ),
        &["`databases.app.url` is another server or database"],
    );
}

#[test]
fn no_database_is_managed_twice_and_the_control_store_not_at_all() {
    assert_refused(
        &configured(
            "databases.a.url = 'postgresql://u@h/app'\ndatabases.b.url = 'postgresql://v@h:5432/app'",
        ),
        &["`databases.b` is the same database as `databases.a`"],
    );
    assert_refused(
        &configured("databases.a.url = 'postgresql://u@h/steward'"),
        &["`control.url` is the database `a`", "a database of its own"],
    );
}

#[test]
fn names_of_databases_are_plain() {
    for name in ["App", "1app", "_app", "ap p", "", &"a".repeat(64)] {
        assert_refused(
            &configured(&format!(
                "databases.\"{name}\".url = 'postgresql://u@h/app'"
            )),
            &[&format!("`databases.{name}` is no name for a database")],
        );
    }
    assert_refused(
        &configured("databases.'a.b'.url = 'postgresql://u@h/app'"),
        &["unknown key `databases.a.b`"],
    );
    let longest = "a-_9".repeat(16)[..63].to_owned();
    load(&configured(&format!(
        "databases.{longest}.url = 'postgresql://u@h/app'"
    )));
}

#[test]
fn the_version_table_has_a_name_that_postgresql_keeps_whole() {
    for name in ["", &"a".repeat(64), "a\\u0000"] {
        assert_refused(
            &format!("databases.app.version_table = \"{name}\""),
            &["`databases.app.version_table` must be a name of 1 to 63 bytes"],
        );
    }
}

#[test]
fn an_unusable_url_is_refused_by_its_key_with_advice() {
    assert_refused(
        &configured("databases.app.migrator = 'postgresql://u@h/app?sslmode=require'"),
        &["`databases.app.admin` is missing"],
    );
    assert_refused(
        &configured("databases.app.url = 'postgresql://u:s3cr3t@h/app?sslmode=require'"),
        &[
            "`databases.app.url` is not a usable connection URL (in /etc/pgsteward.toml): its sslmode asks for TLS",
            "sslmode=prefer",
        ],
    );
    assert_refused(
        "control.url = ''",
        &[
            "`control.url` is not a usable connection URL",
            "postgresql://user:password@",
        ],
    );
}
