//! Properties: nothing makes the loader panic, and no password gets out of it.

use proptest::prelude::*;

use super::{
    super::keys::{Shape, all},
    load_with, told,
};

/// A URL with a recognizable password, sometimes with something wrong about it.
fn secret_url() -> impl Strategy<Value = (String, String)> {
    let password = "[A-Za-z0-9]{10,16}".prop_map(|text| format!("hidden{text}"));
    let template = prop::sample::select(vec![
        "postgresql://u:{}@h:5432/app",
        "postgres://u:{}@h/app?application_name=x",
        "postgresql://u:{}@h/app?sslmode=require",
        "postgresql://u:{}@h/app?sslrootcert=x",
        "postgresql://u:{}@h1,h2/app",
        "postgresql://u:{}@h",
        "postgresql://u:{}@/app",
        "postgresql://u:{}@h:port/app",
        "postgresql://u:a@{}@h/app",
        "postgresql://u:a/{}@h/app",
        "postgresql://u:a?{}=x@h/app",
        "postgresql://u@h/app?password={}",
        "postgresql://u@h/app?sslpassword={}",
        "postgresql://u:%ff{}%zz@h/app",
        "mysql://u:{}@h/app",
        "host=h user=u password={}",
        "{}",
        " postgresql://u:{}@h/app\n",
    ]);
    (template, password)
        .prop_map(|(template, password)| (template.replace("{}", &password), password))
}

/// A key's path with a name and a place filled in.
fn any_path() -> impl Strategy<Value = String> {
    let keys = all().map(|key| key.path.replace('*', "app").replace('#', "0"));
    let tables = [
        "schedule",
        "databases",
        "databases.app",
        "auth.tokens",
        "unknown",
    ]
    .map(str::to_owned);
    prop::sample::select(keys.chain(tables).collect::<Vec<_>>())
}

/// Everything that is printed about a load.
fn printed(text: &str, variables: &[(&str, &str)]) -> String {
    match load_with(text, variables) {
        Ok(config) => format!("{config:?}\n{}", config.shown()),
        Err(error) => format!("{error:?}\n{error:#?}\n{}", told(&error)),
    }
}

/// Text keys that are shown as they are given: a secret put there is no secret.
fn is_plain_text(path: &str) -> bool {
    all().any(|key| {
        let is_url = ["url", "admin", "migrator", "backup", "maintenance"]
            .iter()
            .any(|purpose| {
                key.path == format!("databases.*.{purpose}") || key.path == "control.url"
            });
        matches!(key.shape, Shape::Text(_))
            && !is_url
            && key.path.replace('*', "app").replace('#', "0") == path
    })
}

proptest! {
    #[test]
    fn arbitrary_text_as_a_file_never_panics(text in any::<String>()) {
        printed(&text, &[]);
    }

    #[test]
    fn arbitrary_values_never_panic(path in any_path(), text in any::<String>(), number in any::<i64>()) {
        printed(&format!("{path} = {}", toml::Value::from(text.as_str())), &[]);
        printed(&format!("{path} = {number}"), &[]);
    }

    #[test]
    fn arbitrary_cron_lines_never_panic(line in "[0-9*/,#LW?@A-Z -]{0,24}") {
        printed(&format!("schedule.backup = '{line}'"), &[]);
    }

    #[test]
    fn arbitrary_variables_never_panic(path in any_path(), name in any::<String>(), text in any::<String>()) {
        let variable = format!("PGSTEWARD__{}", path.replace('.', "__").to_uppercase());
        printed("", &[(&variable, &text), (&format!("PGSTEWARD__{name}"), &text), (&name, &text)]);
    }

    #[test]
    fn no_password_gets_out((url, password) in secret_url(), path in any_path(), cut in 0_usize..120) {
        let literal = toml::Value::from(url.as_str()).to_string();
        let configured = |key: &str| format!("control.url = 'postgresql://s@h/s'\n{key} = {literal}");
        let variable = format!("PGSTEWARD__{}", path.replace('.', "__").to_uppercase());
        let truncated: String = configured("databases.app.url").chars().take(cut).collect();
        let mut outputs = vec![
            printed(&configured("databases.app.url"), &[]),
            printed(&format!("control.url = {literal}\ndatabases.app.url = 'postgresql://u@h/x'"), &[]),
            printed(&truncated, &[]),
            printed(&format!("control.url = {url}"), &[]),
            printed(&format!("[control]\nurl = '{url}\nx = 1"), &[]),
            printed("control.url = 'postgresql://s@h/s'", &[("PGSTEWARD__DATABASES__APP__URL", &url)]),
        ];
        let refused = load_with(&format!("{path} = {literal}"), &[]).is_err();
        if refused || !is_plain_text(&path) {
            outputs.push(printed(&format!("{path} = {literal}"), &[]));
            outputs.push(printed("", &[(&variable, &url)]));
        }
        for output in outputs {
            prop_assert!(!output.contains(&password), "{}", output);
        }
    }
}
