//! TLS: whom the daemon shows itself to, whom it lets in by certificate, and certificates that change while it runs.

use std::{
    fs,
    process::{Command, Output},
};

use nix::sys::signal::Signal;
use pgsteward::{
    model::method::{Method, Role},
    proto::GetStatusRequest,
};
use rcgen::SanType;

use crate::support::{
    Daemon, Site,
    tls::{self, Authority, Pair, expired, loopback},
    tokens::{self, token},
    wait::until,
};

fn serve_with(site: &mut Site, pair: &Pair) {
    site.set("listen.tls.certificate", pair.certificate.to_str().unwrap());
    site.set("listen.tls.key", pair.key.to_str().unwrap());
}

/// The client with the words of a line; `$` stands for the site's directory.
fn cli(site: &Site, address: &str, line: &str) -> Output {
    let directory = site.path("");
    let line = line.replace('$', directory.to_str().unwrap());
    Command::new(env!("CARGO_BIN_EXE_pgsteward"))
        .args(line.split_whitespace())
        .env_remove("PGSTEWARD_TOKEN")
        .env("PGSTEWARD_ADDR", address)
        .output()
        .unwrap()
}

fn says(output: &Output, code: i32, parts: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for part in parts {
        assert!(said.contains(part), "{said:?} is without {part:?}");
    }
}

/// Whether a call of the method by the principal is in the log of calls.
fn was_called_by(daemon: &Daemon, principal: &str, method: Method) -> bool {
    daemon.process.log_lines().iter().any(|line| {
        line["message"] == "call"
            && line["principal"] == principal
            && line["method"] == method.full_name()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_shows_who_both_sides_are_and_errors_say_what_is_wrong_with_a_certificate() {
    let mut site = Site::new().await;
    tokens::require(&mut site);
    let (roots, others) = (Authority::new(), Authority::new());
    roots.file(&site, "roots.pem");
    others.file(&site, "others.pem");
    let server = roots.sign(&site, "server", loopback);
    serve_with(&mut site, &server);
    let clients = site.path("roots.pem");
    site.set("listen.tls.client_ca", clients.to_str().unwrap());
    let uri = "spiffe://example.net/ci";
    for (key, value) in [("name", "ci"), ("role", "viewer"), ("uri", uri)] {
        site.set(&format!("auth.certificates.0.{key}"), value);
    }
    roots.sign(&site, "ci", |params| {
        params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
    });
    roots.sign(&site, "stranger", |params| {
        params.subject_alt_names = vec![SanType::DnsName("ci".try_into().unwrap())];
    });
    others.sign(&site, "forged", |params| {
        params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
    });
    let daemon = site.start().await;
    let address = format!("https://{}", daemon.address);
    let run = |line: &str| cli(&site, &address, line);

    // By token, and by certificate.
    let admin = token(Role::Admin);
    says(
        &run(&format!("--ca $roots.pem --token {admin} status")),
        0,
        &[],
    );
    let by_name = address.replace("127.0.0.1", "localhost");
    let line = format!("--ca $roots.pem --token {admin} status");
    says(&cli(&site, &by_name, &line), 0, &[]);
    let shown = "--ca $roots.pem --cert $ci.pem --key $ci.key";
    says(&run(&format!("{shown} status")), 0, &[]);
    assert!(was_called_by(&daemon, "ci", Method::GetStatus));
    says(
        &run(&format!("{shown} maintenance optimize")),
        1,
        &["role operator"],
    );

    // Whom nobody knows is not let in, whoever signed for it.
    says(&run("--ca $roots.pem status"), 1, &["no credentials"]);
    let stranger = "--ca $roots.pem --cert $stranger.pem --key $stranger.key status";
    says(
        &run(stranger),
        1,
        &["the certificate stands for nobody", "auth.certificates"],
    );
    let forged = "--ca $roots.pem --cert $forged.pem --key $forged.key status";
    says(&run(forged), 3, &["does not take the client certificate"]);

    // What is wrong with the daemon's own certificate is said.
    says(
        &run("--ca $others.pem status"),
        3,
        &["UnknownIssuer", "not trusted", "--ca"],
    );
    says(&run("status"), 3, &["not trusted"]);
    let other_name = "--ca $roots.pem --server-name db.example.net status";
    says(&run(other_name), 3, &["for another name", "--server-name"]);
    says(&run("--ca $none.pem status"), 1, &["cannot read"]);
    says(&run("--ca $ci.key status"), 2, &["holds no certificate"]);
    says(
        &run("--ca $roots.pem --cert $ci.pem status"),
        2,
        &["--cert and --key"],
    );
    let plain = format!("http://{}", daemon.address);
    says(
        &cli(&site, &plain, "status"),
        3,
        &["no answer from the daemon"],
    );
    says(
        &cli(&site, &plain, "--ca $roots.pem status"),
        2,
        &["needs an address with TLS"],
    );
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_changes_is_taken_and_a_broken_one_is_not_while_connections_go_on() {
    let mut site = Site::new().await;
    tokens::require(&mut site);
    let (first, second) = (Authority::new(), Authority::new());
    let server = first.sign(&site, "server", loopback);
    serve_with(&mut site, &server);
    let daemon = site.start().await;
    let admin = token(Role::Admin);
    let old = tls::client(&daemon.address, &first.pem, &admin).await;
    old.health().get_status(GetStatusRequest {}).await.unwrap();

    second.sign(&site, "server", loopback);
    tls::until_trusted(&daemon.address, &second.pem, &admin).await;
    old.health().get_status(GetStatusRequest {}).await.unwrap();

    // A key that is not the certificate's: the pair before stays, and the log says so, once.
    let key = fs::read(&server.key).unwrap();
    fs::write(&server.key, "nonsense").unwrap();
    daemon.process.signal(Signal::SIGHUP);
    let complaints = || {
        let lines = daemon.process.log_lines();
        let message =
            "the changed TLS files cannot be used: new connections go on with those before";
        let told = lines.iter().filter(|line| line["message"] == message);
        told.map(|line| line["error"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    until("the broken key is complained of", || async {
        (!complaints().is_empty()).then_some(())
    })
    .await;
    assert!(
        complaints()[0].contains("holds no private key in PEM"),
        "{:?}",
        complaints()
    );
    tls::until_trusted(&daemon.address, &second.pem, &admin).await;
    old.health().get_status(GetStatusRequest {}).await.unwrap();

    // Put right, and then one that has expired, which the client finds out.
    fs::write(&server.key, key).unwrap();
    second.file(&site, "roots.pem");
    second.sign(&site, "server", expired);
    let address = format!("https://{}", daemon.address);
    until("the expired certificate is shown", || async {
        let output = cli(&site, &address, "--ca $roots.pem status");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        said.contains("the daemon's certificate has expired")
            .then_some(())
    })
    .await;
    assert_eq!(complaints().len(), 1, "{:?}", complaints());
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_address_is_served_only_with_tls_and_authentication_and_certificates_can_be_required()
 {
    let mut site = Site::new().await;
    site.set("listen.grpc", "0.0.0.0:0");
    let (status, said) = site.start_in_vain().await;
    assert_eq!(status.code(), Some(1));
    assert!(said.contains("needs TLS and authentication"), "{said}");
    assert!(said.contains("listen.tls.certificate"), "{said}");

    let roots = Authority::new();
    roots.file(&site, "roots.pem");
    let server = roots.sign(&site, "server", loopback);
    serve_with(&mut site, &server);
    let (_, said) = site.start_in_vain().await;
    assert!(said.contains("needs authentication"), "{said}");

    let clients = site.path("roots.pem");
    site.set("listen.tls.client_ca", clients.to_str().unwrap());
    site.set("listen.tls.client_certificates", "required");
    for (key, value) in [("name", "ann"), ("role", "admin"), ("common_name", "Ann")] {
        site.set(&format!("auth.certificates.0.{key}"), value);
    }
    roots.sign(&site, "ann", |params| {
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "Ann");
    });
    let key = fs::read(&server.key).unwrap();
    fs::write(&server.key, "nonsense").unwrap();
    let (_, said) = site.start_in_vain().await;
    assert!(said.contains("holds no private key in PEM"), "{said}");
    fs::write(&server.key, key).unwrap();

    let daemon = site.start().await;
    let address = format!("https://{}", daemon.address.replace("0.0.0.0", "127.0.0.1"));
    let known = "--ca $roots.pem --cert $ann.pem --key $ann.key status";
    says(&cli(&site, &address, known), 0, &[]);
    let unknown = "--ca $roots.pem status";
    says(
        &cli(&site, &address, unknown),
        3,
        &["wants a client certificate"],
    );
    daemon.stop().await;
}
