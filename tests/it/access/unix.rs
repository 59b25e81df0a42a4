//! The Unix socket: callers are known by their account.

use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};

use hyper_util::rt::TokioIo;
use pgsteward::{
    model::method::Method,
    proto::{GetStatusRequest, ListAuditEntriesRequest},
};
use tokio::net::UnixStream;
use tonic::{
    Code,
    transport::{Endpoint, Uri},
};
use tower::service_fn;

use crate::{
    cli::{cli, ends_with},
    support::{Client, Site, expect_reason, raw::call, tokens},
};

async fn connect(site: &Site) -> Client {
    let path = site.path("s");
    let connector = service_fn(move |_: Uri| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    });
    let endpoint = Endpoint::from_static("http://localhost");
    let channel = endpoint.connect_with_connector(connector).await.unwrap();
    Client::of_channel(channel, None)
}

fn own_account() -> String {
    let uid = nix::unistd::geteuid();
    nix::unistd::User::from_uid(uid).unwrap().unwrap().name
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemons_own_account_is_an_admin_on_its_socket_and_is_recorded() {
    let mut site = Site::new().await;
    tokens::require(&mut site);
    let socket = site.path("s");
    site.set("listen.unix", socket.to_str().unwrap());
    site.set("listen.unix_mode", "0600");
    let daemon = site.start().await;
    let metadata = std::fs::metadata(&socket).unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);

    let client = connect(&site).await;
    client
        .health()
        .get_status(GetStatusRequest {})
        .await
        .unwrap();
    let answer = call(daemon.client(), Method::GetStatus).await;
    expect_reason(answer, Code::Unauthenticated, "CREDENTIALS_MISSING");
    let output = cli(
        &daemon,
        &format!("--addr unix:{} backup create", socket.display()),
    );
    ends_with(0, &output);
    let request = ListAuditEntriesRequest {
        principal: own_account(),
        ..ListAuditEntriesRequest::default()
    };
    let listed = client.audit().list_audit_entries(request).await.unwrap();
    let entry = listed.into_inner().entries.remove(0);
    let expected = format!("unix:uid={},pid=", nix::unistd::geteuid());
    assert!(entry.peer.starts_with(&expected), "{}", entry.peer);

    // Another daemon does not take the socket over while this one lives.
    let (_, said) = site.start_in_vain().await;
    assert!(said.contains("another daemon listens on it"), "{said}");
    daemon.kill9();
    assert!(socket.exists());
    let daemon = site.start().await;
    let client = connect(&site).await;
    client
        .health()
        .get_status(GetStatusRequest {})
        .await
        .unwrap();
    daemon.stop().await;
    assert!(!socket.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_listed_has_the_role_that_it_is_given_and_no_more() {
    let mut site = Site::new().await;
    let socket = site.path("s");
    site.set("listen.unix", socket.to_str().unwrap());
    let account = own_account();
    for (key, value) in [
        ("name", "me"),
        ("role", "viewer on app"),
        ("user", &account),
    ] {
        site.set(&format!("auth.accounts.0.{key}"), value);
    }
    site.set("auth.open_health", "false");
    site.set("auth.open_reflection", "false");
    let daemon = site.start().await;
    let client = connect(&site).await;
    client
        .health()
        .get_status(GetStatusRequest {})
        .await
        .unwrap();
    let answer = call(&client, Method::Optimize).await;
    expect_reason(answer, Code::PermissionDenied, "ROLE_TOO_LOW");
    // With accounts configured nobody is an admin just by being on loopback; and health is closed.
    let answer = call(daemon.client(), Method::GetStatus).await;
    expect_reason(answer, Code::Unauthenticated, "CREDENTIALS_MISSING");
    ends_with(3, &cli(&daemon, "health"));
    let output = cli(&daemon, &format!("--addr unix:{} health", socket.display()));
    ends_with(0, &output);
    daemon.stop().await;
}
