//! Listeners, who may call, and what callers may take.

use super::{super::*, assert_refused, load};

const TOKEN: &str = "[[auth.tokens]]\nname = 'ci'\nrole = 'operator'\nsha256 = 'abababababababababababababababababababababababababababababababab'\n";
const TLS: &str = "listen.tls = { certificate = '/c', key = '/k' }\n";
const CLIENTS: &str = "listen.tls = { certificate = '/c', key = '/k', client_ca = '/r' }\n";
const JWT: &str = "[auth.jwt]\nissuer = 'i'\naudience = 'a'\njwks = '/keys.json'\nroles = [{ value = 'v', role = 'viewer' }]\n";

#[test]
fn an_address_that_others_can_reach_needs_tls_and_somebody_who_is_known() {
    let open = "listen.grpc = '0.0.0.0:7432'\n";
    for (given, missing) in [
        (String::new(), "TLS and authentication, and neither"),
        (TLS.to_owned(), "authentication, which is not"),
        (TOKEN.to_owned(), "TLS, which is not"),
        (JWT.to_owned(), "TLS, which is not"),
    ] {
        let text = format!("{open}{given}");
        assert_refused(&text, &["`listen.grpc` is no loopback address", missing]);
    }
    for known in [
        TOKEN,
        JWT,
        "[[auth.certificates]]\nname = 'ci'\nrole = 'admin'\ndns = 'ci'\n",
    ] {
        let config = load(&format!("{open}{CLIENTS}{known}"));
        assert!(config.auth.loopback.is_none());
    }
}

#[test]
fn tls_is_whole_or_not_there() {
    assert!(load("").listen.tls.is_none());
    let tls = load(CLIENTS).listen.tls.unwrap();
    assert!(!tls.require_certificates && tls.client_ca.is_some());
    let missing = "`listen.tls.key` is missing beside";
    assert_refused("listen.tls.certificate = '/c'", &[missing]);
    let alone = "`listen.tls.key` needs `listen.tls.certificate`";
    assert_refused("listen.tls.key = '/k'", &[alone]);
    assert_refused(
        "listen.tls = { certificate = '/c', key = '/k', client_certificates = 'required' }",
        &["`listen.tls.client_certificates` is required, but"],
    );
}

#[test]
fn a_socket_has_a_path_that_fits_and_permission_bits() {
    let unix = load("listen = { unix = '/run/s', unix_mode = '0600' }")
        .listen
        .unix;
    assert_eq!(unix.unwrap().mode, 0o600);
    let long = format!("listen.unix = '/{}'", "x".repeat(107));
    assert_refused(&long, &["`listen.unix` is longer than"]);
    for mode in ["rw", "0888", "7777"] {
        let text = format!("listen.unix_mode = '{mode}'");
        assert_refused(&text, &["`listen.unix_mode` must be octal digits"]);
    }
}

#[test]
fn certificates_and_accounts_need_their_listener_and_something_to_be_known_by() {
    let certificate = "[[auth.certificates]]\nname = 'ci'\nrole = 'admin'\n";
    let nameless = format!("{CLIENTS}{certificate}");
    assert_refused(&nameless, &["`auth.certificates.0` says nothing"]);
    let named = format!("{certificate}uri = 'spiffe://x'\n");
    assert_refused(
        &named,
        &["`auth.certificates` needs `listen.tls.client_ca`"],
    );
    let account = "[[auth.accounts]]\nname = 'ops'\nrole = 'operator'\n";
    let socket = "listen.unix = '/run/s'\n";
    let nobody = format!("{socket}{account}");
    assert_refused(
        &nobody,
        &["`auth.accounts.0` has neither a user nor a group"],
    );
    let known = format!("{account}group = 'dba'\n");
    assert_refused(&known, &["`auth.accounts` needs `listen.unix`"]);
    let config = load(&format!("{socket}{known}"));
    // Whoever names accounts does not mean everyone on loopback to be an admin beside them.
    assert_eq!(config.auth.loopback, None);
}

#[test]
fn keys_of_signed_tokens_come_from_a_file_or_over_a_line_that_nobody_else_writes_on() {
    assert!(matches!(load(JWT).auth.jwt.unwrap().jwks, Jwks::File(_)));
    let from = |url: &str| JWT.replace("/keys.json", url);
    let jwks = load(&from("https://login.example.net/keys"))
        .auth
        .jwt
        .unwrap()
        .jwks;
    assert!(matches!(jwks, Jwks::Url(_)));
    let open = |url: &str| from(url).replace("[auth.jwt]", "[auth.jwt]\nallow_http = true");
    load(&open("http://127.0.0.1:8080/keys"));
    load(&open("http://[::1]:8080/keys"));
    let unasked = from("http://127.0.0.1/keys");
    assert_refused(&unasked, &["`auth.jwt.jwks` is not encrypted"]);
    for url in ["http://10.0.0.1/keys", "http://127.0.0.1.example.net/keys"] {
        assert_refused(&open(url), &["`auth.jwt.jwks` is not encrypted"]);
    }
    assert_refused(&from("ftp://x/keys"), &["`auth.jwt.jwks` must be the path"]);
    for algorithms in ["none", "HS256", "RS256, HS256", ""] {
        let text = format!("{JWT}algorithms = '{algorithms}'\n");
        assert_refused(&text, &["`auth.jwt.algorithms` must be"]);
    }
    let worthless = JWT.replace("roles = [{ value = 'v', role = 'viewer' }]", "");
    assert_refused(&worthless, &["`auth.jwt.roles` is empty"]);
    assert_refused("auth.jwt.audience = 'a'", &["needs `auth.jwt.issuer`"]);
}

#[test]
fn two_admins_may_be_known_in_different_ways_but_must_be_two() {
    let wanted = "restore.require_second_person = true\n";
    let token = TOKEN.replace("operator", "admin on app");
    let certificate =
        |name: &str| format!("[[auth.certificates]]\nname = '{name}'\nrole = 'admin'\ndns = 'x'\n");
    load(&format!("{wanted}{CLIENTS}{token}{}", certificate("ann")));
    assert_refused(
        &format!("{wanted}{CLIENTS}{token}{}", certificate("ci")),
        &["there are not two admins of \"app\""],
    );
}

#[test]
fn limits_have_bounds_of_their_own() {
    let limits = load("").limits;
    assert_eq!((limits.connections, limits.streams), (512, 128));
    for (key, wrong) in [
        ("connections", "0"),
        ("message_bytes", "1000"),
        ("header_bytes", "100"),
        ("failed_attempts", "0"),
    ] {
        let text = format!("limits.{key} = {wrong}");
        assert_refused(&text, &[&format!("`limits.{key}` must be")]);
    }
    assert_refused(
        "limits.call_timeout = '0s'",
        &["`limits.call_timeout` must be"],
    );
}
