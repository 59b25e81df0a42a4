//! An S3 service on loopback: `s3s-fs` on a directory of its own, in this process, with one key that it knows.
//!
//! `s3s-fs` looks whether an object is there and then writes it, so that two conditional puts at once can both come
//! through. A real service lets one through; here the conditional puts take turns.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use s3s::{
    auth::SimpleAuth,
    service::{S3Service, S3ServiceBuilder},
};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::Mutex, task::JoinHandle};

/// The key's id.
pub(crate) const KEY_ID: &str = "AKIATEST";
/// The key. It is looked for in what is logged and said.
pub(crate) const SECRET: &str = "s3cret-of-the-bucket";
/// The bucket that there is.
pub(crate) const BUCKET: &str = "backups";

/// The service, where conditional puts take turns.
#[derive(Clone)]
struct OneAtATime {
    service: S3Service,
    turns: Arc<Mutex<()>>,
}

impl<B> tower::Service<http::Request<B>> for OneAtATime
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    type Response = s3s::HttpResponse;
    type Error = s3s::HttpError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let (mut service, turns) = (self.service.clone(), Arc::clone(&self.turns));
        Box::pin(async move {
            let mut turn = None;
            if request.headers().contains_key("if-none-match") {
                turn = Some(turns.lock().await);
            }
            let answer = tower::Service::call(&mut service, request).await;
            drop(turn);
            answer
        })
    }
}

/// A running service. It ends when this is dropped.
pub(crate) struct S3 {
    directory: TempDir,
    pub(crate) address: SocketAddr,
    serving: JoinHandle<()>,
}

impl S3 {
    /// Starts one with an empty bucket.
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join(BUCKET)).unwrap();
        let mut builder = S3ServiceBuilder::new(FileSystem::new(directory.path()).unwrap());
        builder.set_auth(SimpleAuth::from_single(KEY_ID, SECRET));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = OneAtATime {
            service: builder.build(),
            turns: Arc::default(),
        };
        let serving = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let service = TowerToHyperService::new(service.clone());
                tokio::spawn(async move {
                    // A connection that a test cuts ends in an error, as it should.
                    let _ = Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(socket), service)
                        .await;
                });
            }
        });
        Self {
            directory,
            address,
            serving,
        }
    }

    /// Its URL.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where the objects of the bucket lie, below a prefix.
    pub(crate) fn path(&self, prefix: &str) -> PathBuf {
        self.directory.path().join(BUCKET).join(prefix)
    }

    /// The names of the objects below a prefix, sorted.
    pub(crate) fn objects(&self, prefix: &str) -> Vec<String> {
        let mut names = names(self.path(prefix));
        names.sort();
        names
    }

    /// How many files the service keeps of uploads that were neither completed nor aborted.
    pub(crate) fn open_uploads(&self) -> usize {
        let files = names(self.directory.path().to_owned());
        files
            .iter()
            .filter(|name| name.starts_with(".upload"))
            .count()
    }
}

fn names(directory: PathBuf) -> Vec<String> {
    match std::fs::read_dir(directory) {
        Ok(entries) => entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect(),
        // A prefix without objects is no directory yet.
        Err(_) => Vec::new(),
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
