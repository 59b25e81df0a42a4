//! Who is told when jobs fail or are overdue: status, exit code and webhook, each once, whatever the webhook does.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use pgsteward::proto::{CheckDatabaseRequest, DatabaseHealth, GetStatusRequest};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::{
    cli::run,
    schedule::{Hands, nightly, start_by},
    support::{Client, wait::until},
};

/// A web server on loopback that keeps what it is sent, and answers with the given codes first and 200 then.
struct Hook {
    url: String,
    bodies: Arc<Mutex<Vec<Value>>>,
}

impl Hook {
    async fn answering(codes: &[u16]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/T0PSECRET", listener.local_addr().unwrap());
        let bodies = Arc::<Mutex<Vec<Value>>>::default();
        let (kept, mut codes) = (Arc::clone(&bodies), VecDeque::from(codes.to_vec()));
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                let body = loop {
                    let mut buffer = [0; 4096];
                    let count = stream.read(&mut buffer).await.unwrap();
                    request.extend_from_slice(&buffer[..count]);
                    let text = String::from_utf8_lossy(&request);
                    if let Some((_, body)) = text.split_once("\r\n\r\n")
                        && let Ok(body) = serde_json::from_str(body)
                    {
                        break body;
                    }
                    assert!(count > 0, "the request ended early: {text}");
                };
                kept.lock().unwrap().push(body);
                let code = codes.pop_front().unwrap_or(200);
                let answer =
                    format!("HTTP/1.1 {code} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self { url, bodies }
    }

    async fn told(&self, count: usize) -> Vec<Value> {
        until("the webhook is told", async || {
            let bodies = self.bodies.lock().unwrap().clone();
            (bodies.len() >= count).then_some(bodies)
        })
        .await
    }
}

async fn status(client: &Client) -> DatabaseHealth {
    let answer = client
        .health()
        .get_status(GetStatusRequest {})
        .await
        .unwrap();
    answer.into_inner().databases.remove(0)
}

#[tokio::test]
async fn an_overdue_job_is_shown_and_told_once_by_two_daemons_and_once_more_when_it_is_good() {
    let mut site = nightly().await;
    let hook = Hook::answering(&[500]).await;
    site.set("alerts.webhook_url", &hook.url);
    site.set("schedule.overdue_after", "20h");
    site.set("operations.lock_wait", "0s");
    site.set("schedule.retries", "0");
    let database = site.databases.managed();
    let holder = site.databases.superuser_in("postgres").await;
    let lock = format!("SELECT pg_advisory_lock(hashtextextended('pgsteward:{database}:work', 0))");
    holder.batch_execute(&lock).await.unwrap();
    let hands = Hands::at("2026-03-01T01:30:00Z");
    let (one, client) = start_by(&site, &hands).await;
    let (other, _) = start_by(&site, &hands).await;
    assert_eq!(status(&client).await.overdue_jobs, []);

    hands.set("2026-03-01T02:00:00Z");
    let told = hook.told(2).await;
    // Refused once, and told again.
    assert_eq!(told[0], told[1]);
    assert_eq!(told[1]["event"], "job_failed");
    assert_eq!(
        (&told[1]["job"], &told[1]["database"]),
        (&"optimize/app".into(), &"app".into())
    );
    assert_eq!(told[1]["since"], "2026-03-01T02:00:00Z");
    let why = told[1]["last_error"].as_str().unwrap();
    assert!(why.contains("was busy with"), "{why}");

    hands.set("2026-03-01T22:00:00Z");
    let told = hook.told(3).await;
    assert_eq!(
        (&told[2]["event"], &told[2]["since"]),
        (&"job_overdue".into(), &"2026-03-01T21:30:00Z".into())
    );
    assert_eq!(told[2]["last_error"], why);
    let overdue = status(&client).await.overdue_jobs.remove(0);
    assert_eq!(
        (overdue.name.as_str(), overdue.last_error.as_str()),
        ("optimize/app", why)
    );
    let request = CheckDatabaseRequest::default();
    let answer = client.health().check_database(request).await.unwrap();
    assert_eq!(answer.into_inner().health.unwrap().overdue_jobs, [overdue]);
    let address = one.address.to_string();
    let ended = tokio::task::spawn_blocking(move || run(&address, "status"))
        .await
        .unwrap();
    assert_eq!(ended.status.code(), Some(4));
    assert!(
        String::from_utf8(ended.stdout)
            .unwrap()
            .contains("optimize/app since 2026-03-01T21:30:00Z")
    );

    drop(holder);
    hands.set("2026-03-02T02:00:00Z");
    let told = hook.told(4).await;
    assert_eq!(
        (&told[3]["event"], &told[3]["since"]),
        (&"job_recovered".into(), &"2026-03-01T21:30:00Z".into())
    );
    assert_eq!(status(&client).await.overdue_jobs, []);
    one.stop().await.unwrap();
    other.stop().await.unwrap();
    assert_eq!(hook.bodies.lock().unwrap().len(), 4);
    let left = "SELECT count(*) FROM alerts WHERE ended_at IS NULL";
    assert_eq!(site.databases.control_value::<i64>(left).await, 0);
}
