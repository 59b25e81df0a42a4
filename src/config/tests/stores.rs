//! Stores: a directory or a bucket each, a primary, and copies that go elsewhere.

use secrecy::ExposeSecret as _;

use super::{super::*, assert_refused, load, load_with, refusal_with};

const BUCKET: &str = "
[stores.offsite]
bucket = 'backups'
access_key_id = 'AKIAEXAMPLE'
secret_access_key = 'hunter2'
";

fn bucket(config: &Config) -> &Bucket {
    match &config.stores["offsite"] {
        Store::Bucket(bucket) => bucket,
        Store::Directory { path } => panic!("{path:?}"),
    }
}

#[test]
fn a_bucket_needs_a_name_and_keys_and_has_defaults_for_the_rest() {
    let config = load(BUCKET);
    let store = bucket(&config);
    assert_eq!(store.secret_access_key.expose_secret(), "hunter2");
    assert_eq!(
        (store.prefix.as_str(), store.region.as_str()),
        ("", "us-east-1")
    );
    assert_eq!((&store.endpoint, store.path_style), (&None, false));
    assert_eq!(store.timeout, Duration::from_secs(30));
    assert_eq!(config.backup.store, "offsite");

    let config = load(&format!(
        "{BUCKET}endpoint = 'https://s3.example.net:9000/'\nprefix = '/production/app/'\ntimeout = '2s'"
    ));
    let store = bucket(&config);
    assert_eq!(
        store.endpoint.as_deref(),
        Some("https://s3.example.net:9000")
    );
    assert_eq!(
        (store.prefix.as_str(), store.path_style),
        ("production/app", true)
    );
    assert!(bucket(&load(&BUCKET.replace("'backups'", "'back.ups'"))).path_style);
}

#[test]
fn keys_that_are_not_given_come_from_the_environment() {
    let text = "stores.offsite.bucket = 'backups'";
    let variables = [
        ("AWS_ACCESS_KEY_ID", "AKIA"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2"),
        ("AWS_SESSION_TOKEN", "hunter3"),
    ];
    let config = load_with(text, &variables).unwrap();
    let store = bucket(&config);
    assert_eq!(store.access_key_id, "AKIA");
    assert_eq!(store.secret_access_key.expose_secret(), "hunter2");
    let token = store.session_token.as_ref().unwrap();
    assert_eq!(token.expose_secret(), "hunter3");
    let shown = format!("{} {config:?}", config.shown());
    assert!(!shown.contains("hunter"), "{shown}");

    // The token belongs to the environment's key, and not to another one.
    let config = load_with(BUCKET, &variables).unwrap();
    assert!(bucket(&config).session_token.is_none());
    assert_eq!(bucket(&config).access_key_id, "AKIAEXAMPLE");

    assert_refused(
        text,
        &[
            "`stores.offsite.access_key_id` is missing",
            "AWS_ACCESS_KEY_ID",
        ],
    );
    let told = refusal_with(text, &variables[..1]);
    assert!(told.contains("AWS_SECRET_ACCESS_KEY"), "{told}");
    assert_refused(
        &BUCKET.replace("secret_access_key = 'hunter2'", ""),
        &["`stores.offsite.secret_access_key` is missing beside `stores.offsite.access_key_id`"],
    );
}

#[test]
fn the_shown_form_hides_the_key_and_loads_again() {
    let shown = load(BUCKET).shown();
    assert!(!shown.contains("hunter2"), "{shown}");
    assert_eq!(load(&shown).shown(), shown);
}

#[test]
fn a_store_is_one_thing_and_no_place_is_two_stores() {
    assert_refused(
        "stores.a = { path = '/a', bucket = 'backups' }",
        &[
            "`stores.a.path` stands beside `stores.a.bucket`",
            "two stores",
        ],
    );
    assert_refused(
        "stores.a = {}",
        &["`stores.a` has neither a path nor a bucket"],
    );
    assert_refused(
        "stores.a.region = 'x'\nstores.a.access_key_id = 'x'\nstores.a.secret_access_key = 'x'",
        &["`stores.a.bucket` is missing"],
    );
    assert_refused(
        "stores.A.path = '/a'",
        &["`stores.A` is no name for a store"],
    );
    assert_refused(
        "stores.a.path = '/a'\nstores.b.path = '/a'",
        &["`stores.b` is the same place as `stores.a`"],
    );
    assert_refused("stores.a.pfad = '/a'", &["unknown key `stores.a.pfad`"]);
    assert_refused("store.path = '/a'", &["unknown key `store`", "`stores`"]);
}

#[test]
fn each_part_of_a_bucket_is_checked() {
    for (part, problem) in [
        (
            "endpoint = 's3.example.net'",
            "`stores.offsite.endpoint` must be a URL",
        ),
        ("endpoint = 'https://u:p@s3.example.net'", "without a user"),
        (
            "endpoint = 'http://s3.example.net'",
            "`stores.offsite.allow_http`",
        ),
        ("prefix = 'a//b'", "`stores.offsite.prefix` must be"),
        ("prefix = '../b'", "`stores.offsite.prefix` must be"),
        ("region = ''", "`stores.offsite.region` must be"),
        ("timeout = '1ms'", "`stores.offsite.timeout` must be"),
        (
            "path_style = 'yes'",
            "`stores.offsite.path_style` must be true or false",
        ),
    ] {
        assert_refused(&format!("{BUCKET}{part}"), &[problem]);
    }
    load(&format!(
        "{BUCKET}endpoint = 'http://127.0.0.1:9000'\nallow_http = true"
    ));
    for name in ["ab", "a/b", "-abc", "a..b"] {
        assert_refused(
            &BUCKET.replace("'backups'", &format!("'{name}'")),
            &["`stores.offsite.bucket` must be the name of a bucket"],
        );
    }
}

#[test]
fn of_several_stores_one_is_named_as_the_primary_and_copies_go_elsewhere() {
    let several = |rest: &str| format!("{rest}\n[stores.local]\npath = '/a'\n{BUCKET}");
    let config = load(&several("backup = { store = 'local', copies = 'offsite' }"));
    assert_eq!(config.backup.store, "local");
    assert_eq!(config.backup.copies, ["offsite"]);

    assert_refused(
        &several(""),
        &["`backup.store` is missing", "local, offsite"],
    );
    assert_refused(
        &several("backup.store = 'tape'"),
        &[
            "`backup.store` names a store that is not configured",
            "local, offsite",
        ],
    );
    for (copies, problem) in [
        ("tape", "a store that is not configured"),
        (
            "local",
            "names `local`, where the backups themselves are made",
        ),
        ("offsite, offsite", "names `offsite` twice"),
    ] {
        let text = format!("backup = {{ store = 'local', copies = '{copies}' }}");
        assert_refused(&several(&text), &["`backup.copies`", problem]);
    }
}
