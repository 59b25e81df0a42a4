//! What callers may take: floods of connections and of bad requests keep nobody out, and what is slow is ended.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use pgsteward::{
    model::method::{Method, Role},
    proto::{
        CancelOperationRequest, CreateBackupRequest, CreateRevisionRequest, DownloadBackupRequest,
        GetStatusRequest, ListAuditEntriesRequest, UploadBackupRequest, operation::Outcome,
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};
use tonic::{Code, transport::Endpoint};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use crate::support::{
    Client, Daemon, Site, expect_reason,
    raw::call,
    tokens::{self, token},
    wait::until,
};

/// Longer than any answer takes that is not held up.
const PROMPT: Duration = Duration::from_secs(10);

/// A connection from an address of loopback, which says nothing by itself.
async fn silent(daemon: &Daemon, from: [u8; 4]) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(IpAddr::from(from), 0))?;
    socket.connect(daemon.address.parse().unwrap()).await
}

/// A probe with a connection of its own, as probes are.
async fn probe(daemon: &Daemon) {
    let start = Instant::now();
    let endpoint = Endpoint::new(format!("http://{}", daemon.address)).unwrap();
    let channel = endpoint.connect().await.unwrap();
    let request = HealthCheckRequest {
        service: "liveness".to_owned(),
    };
    HealthClient::new(channel).check(request).await.unwrap();
    assert!(
        start.elapsed() < PROMPT,
        "a probe took {:?}",
        start.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_say_nothing_or_nonsense_keep_no_probe_out_and_are_ended() {
    let mut site = Site::new().await;
    tokens::require(&mut site);
    site.set("limits.connections", "40");
    site.set("limits.connections_per_peer", "10");
    site.set("limits.handshake_timeout", "5s");
    let daemon = site.start().await;
    let admin = daemon.client_with(&token(Role::Admin)).await;
    admin
        .health()
        .get_status(GetStatusRequest {})
        .await
        .unwrap();

    let mut open = Vec::new();
    for number in 0..200_u8 {
        // From the probe's own address, and from many others.
        let from = if number % 2 == 0 {
            [127, 0, 0, 1]
        } else {
            [127, 0, 1, number]
        };
        let mut stream = silent(&daemon, from).await.unwrap();
        if number % 3 == 0 {
            // The beginning of HTTP/2, and of a frame that never ends.
            let _ = stream
                .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x40\x01\x04\0\0\0\x01x")
                .await;
        } else if number % 3 == 1 {
            let _ = stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await;
        }
        open.push(stream);
        if number % 20 == 0 {
            probe(&daemon).await;
        }
    }
    // Who has made a good call before keeps its connection.
    admin
        .health()
        .get_status(GetStatusRequest {})
        .await
        .unwrap();
    let ended = futures_util::future::join_all(open.into_iter().map(|mut stream| async move {
        let mut bytes = Vec::new();
        tokio::time::timeout(Duration::from_mins(1), stream.read_to_end(&mut bytes))
            .await
            .is_ok()
    }))
    .await;
    assert!(ended.into_iter().all(|ended| ended));
    probe(&daemon).await;
    admin
        .health()
        .get_status(GetStatusRequest {})
        .await
        .unwrap();
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_bad_credentials_is_put_off_and_recorded_by_its_number_and_good_ones_get_through()
 {
    let mut site = Site::new().await;
    tokens::require(&mut site);
    site.set("limits.failed_attempts", "20");
    let daemon = site.start().await;
    let admin = daemon.client_with(&token(Role::Admin)).await;
    let mut floods = Vec::new();
    for number in 0..4 {
        let stranger = daemon.client_with(&format!("pgs_wrong_{number}")).await;
        floods.push(tokio::spawn(async move {
            let (mut denied, mut put_off) = (0, 0);
            for _ in 0..250 {
                let status = call(&stranger, Method::Restore).await.unwrap_err();
                match status.code() {
                    Code::Unauthenticated => denied += 1,
                    Code::ResourceExhausted => put_off += 1,
                    code => panic!("{code:?}: {status:?}"),
                }
            }
            (denied, put_off)
        }));
    }
    for _ in 0..5 {
        probe(&daemon).await;
        admin
            .health()
            .get_status(GetStatusRequest {})
            .await
            .unwrap();
    }
    let (mut denied, mut put_off) = (0, 0);
    for flood in floods {
        let (some, others) = flood.await.unwrap();
        denied += some;
        put_off += others;
    }
    assert_eq!(denied + put_off, 1000);
    assert!(
        (20..200).contains(&denied),
        "{denied} were told that they are wrong"
    );
    let stranger = daemon.client_with("pgs_wrong").await;
    let answer = call(&stranger, Method::Restore).await;
    expect_reason(answer, Code::ResourceExhausted, "TOO_MANY_ATTEMPTS");

    let entries = async || {
        let request = ListAuditEntriesRequest::default();
        let listed = admin.audit().list_audit_entries(request).await.unwrap();
        let mut entries = listed.into_inner().entries;
        entries.retain(|entry| entry.method == Method::Restore.full_name());
        entries
    };
    let first = until("the attempts are recorded", || async {
        let mut found = entries().await;
        found.pop()
    })
    .await;
    assert_eq!(
        (first.principal.as_str(), first.reason.as_str()),
        ("", "CREDENTIALS_INVALID")
    );
    assert!(first.peer.starts_with("127.0.0.1:"), "{}", first.peer);
    let few = entries().await.len();
    assert!(few <= 2, "{few} entries of one flood");
    // What is counted is recorded at the daemon's end at the latest, in its spool, which the next one moves.
    daemon.stop().await;
    let daemon = site.start().await;
    until("every attempt is in the log", || async {
        let counted =
            "SELECT coalesce(sum(calls), 0)::int8 FROM audit_records WHERE kind = 'REFUSAL'";
        let counted: i64 = site.databases.control_value(counted).await;
        (counted == 1001).then_some(())
    })
    .await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_requests_and_operations_have_their_limits() {
    let mut site = Site::new().await;
    tokens::require(&mut site);
    site.set("limits.message_bytes", "2097152");
    site.set("limits.request_timeout", "500ms");
    site.set("limits.operations_per_principal", "2");
    site.fake_tool(
        "pg_dump",
        r#"while [ ! -e "$SITE/go" ]; do sleep 0.05; done; exec "$REAL" "$@""#,
    );
    let daemon = site.start().await;
    let operator = daemon.client_with(&token(Role::Operator)).await;
    let admin = daemon.client_with(&token(Role::Admin)).await;

    let request = CreateRevisionRequest {
        message: "large".to_owned(),
        upgrade_sql: "-".repeat(3 << 20),
        ..CreateRevisionRequest::default()
    };
    let answer = operator.migration().create_revision(request).await;
    assert_eq!(answer.unwrap_err().code(), Code::OutOfRange);

    // An upload that never says what it is.
    let never = futures_util::stream::pending::<UploadBackupRequest>();
    let answer = operator.backup().upload_backup(never).await;
    expect_reason(answer, Code::DeadlineExceeded, "REQUEST_TIMEOUT");

    let start = async |client: &Client| {
        let request = CreateBackupRequest::default();
        let answer = client.backup().create_backup(request).await;
        answer.map(|answer| answer.into_inner().operation.unwrap())
    };
    let (first, second) = (
        start(&operator).await.unwrap(),
        start(&operator).await.unwrap(),
    );
    let answer = start(&operator).await;
    expect_reason(answer, Code::ResourceExhausted, "TOO_MANY_OPERATIONS");
    let of_another = start(&admin).await.unwrap();
    for operation in [&second, &of_another] {
        let request = CancelOperationRequest {
            id: operation.id.clone(),
        };
        admin.operations().cancel_operation(request).await.unwrap();
        admin.wait_for(&operation.id).await;
    }
    std::fs::write(site.path("go"), "").unwrap();
    operator.outcome(Some(first)).await;
    let third = until("there is room again", || async {
        start(&operator).await.ok()
    })
    .await;
    operator.outcome(Some(third)).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_nobody_reads_is_let_go_of() {
    let mut site = Site::new().await;
    site.set("limits.stall_timeout", "1s");
    site.databases
        .run("CREATE TABLE noise AS SELECT string_agg(gen_random_uuid()::text, '') AS t FROM generate_series(1, 600000) AS n, LATERAL (SELECT n % 100) AS g (g) GROUP BY g.g")
        .await;
    let daemon = site.start().await;
    let client = daemon.client();
    let answer = client
        .backup()
        .create_backup(CreateBackupRequest::default())
        .await
        .unwrap();
    let Outcome::Backup(backup) = client.outcome(answer.into_inner().operation).await else {
        panic!("no backup");
    };
    assert!(backup.size_bytes > 8 << 20, "{}", backup.size_bytes);
    let request = DownloadBackupRequest {
        filename: backup.filename.clone(),
        ..DownloadBackupRequest::default()
    };
    let mut stream = client
        .backup()
        .download_backup(request)
        .await
        .unwrap()
        .into_inner();
    stream.message().await.unwrap().unwrap();
    let message = "an answer was left unread for too long and is let go of";
    until("the download is let go of", || async {
        let lines = daemon.process.log_lines();
        lines
            .iter()
            .any(|line| line["message"] == message)
            .then_some(())
    })
    .await;
    // The connection itself goes on.
    client
        .health()
        .get_status(GetStatusRequest {})
        .await
        .unwrap();
    let error = loop {
        match stream.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the download came to its end"),
            Err(error) => break error,
        }
    };
    expect_reason::<()>(Err(error), Code::DeadlineExceeded, "ANSWER_UNREAD");
    daemon.stop().await;
}
