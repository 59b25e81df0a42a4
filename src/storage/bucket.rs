//! A bucket of an S3 service.
//!
//! Two clients: one for all that is small, where each request has a time in which it must be done, and one for the parts
//! of uploads, which take as long as the line needs, and whose time goes by their size. A request that stands still is
//! cut off and made again on another connection.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use object_store::{
    BackoffConfig, ClientOptions, ObjectStore, PutPayload, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder, Checksum, S3ConditionalPut},
    multipart::{MultipartStore as _, PartId},
    path::Path as Location,
};
use secrecy::{ExposeSecret as _, SecretString};

use super::{StorageError, list::Entry};

/// How often a part is sent again after it stood still.
const PART_ATTEMPTS: u32 = 3;
/// Bytes a second that even a slow line makes; an upload's time goes by it.
const SLOWEST: u64 = 256 * 1024;
/// How often a request is made again that the service or the line has failed.
const RETRIES: usize = 5;
/// S3 may take minutes to join the parts of a large archive.
const COMPLETION: Duration = Duration::from_mins(10);

/// What makes a bucket a store.
#[derive(Clone, Debug)]
pub struct BucketSettings {
    /// The bucket.
    pub bucket: String,
    /// What its backups' keys begin with, without a slash at either end; may be empty.
    pub prefix: String,
    /// The region.
    pub region: String,
    /// The service's URL; none for AWS.
    pub endpoint: Option<String>,
    /// The key's id.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: SecretString,
    /// The token that goes with a temporary key.
    pub session_token: Option<SecretString>,
    /// Whether the endpoint may be a plain http one.
    pub allow_http: bool,
    /// Whether the bucket stands in the path, and not in the host's name.
    pub path_style: bool,
    /// How long the service may let a request stand still.
    pub timeout: Duration,
}

/// A bucket, or what lies below a prefix of one.
#[derive(Clone)]
pub(super) struct Bucket {
    store: Arc<str>,
    small: Arc<AmazonS3>,
    uploads: Arc<AmazonS3>,
    prefix: Location,
    timeout: Duration,
}

impl fmt::Debug for Bucket {
    /// The clients hold keys.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bucket = self.small.to_string();
        formatter
            .debug_tuple("Bucket")
            .field(&bucket)
            .field(&self.prefix)
            .finish()
    }
}

impl Bucket {
    pub(super) fn open(store: &str, settings: &BucketSettings) -> Result<Self, StorageError> {
        let refused = |source: Box<dyn std::error::Error + Send + Sync>| StorageError::Settings {
            store: store.to_owned(),
            source,
        };
        let prefix = Location::parse(&settings.prefix).map_err(|error| refused(error.into()))?;
        let options = ClientOptions::new()
            .with_allow_http(settings.allow_http)
            .with_connect_timeout(settings.timeout.min(Duration::from_secs(10)));
        let client = |options: ClientOptions| {
            builder(settings)
                .with_client_options(options)
                .build()
                .map(Arc::new)
                .map_err(|error| refused(error.into()))
        };
        Ok(Self {
            store: store.into(),
            small: client(options.clone().with_timeout(settings.timeout))?,
            uploads: client(options.with_timeout_disabled())?,
            prefix,
            timeout: settings.timeout,
        })
    }

    /// The client for all that is small.
    pub(super) fn objects(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.small) as Arc<dyn ObjectStore>
    }

    pub(super) fn location(&self, file: &str) -> Location {
        self.prefix.clone().join(file)
    }

    /// All objects directly below the prefix.
    pub(super) async fn entries(&self) -> Result<Vec<Entry>, StorageError> {
        let failed = |error| StorageError::failed(&self.store, "list the backups", error);
        let listed = self.small.list_with_delimiter(Some(&self.prefix));
        let objects = listed.await.map_err(failed)?.objects;
        let entries = objects.into_iter().filter_map(|object| {
            Some(Entry {
                name: object.location.filename()?.to_owned(),
                size: object.size,
                modified: object.last_modified,
                version: object
                    .e_tag
                    .unwrap_or_else(|| object.last_modified.to_rfc3339()),
            })
        });
        Ok(entries.collect())
    }

    /// Begins an upload of parts; gives its id.
    pub(super) async fn begin(&self, location: &Location) -> object_store::Result<String> {
        self.small.create_multipart(location).await
    }

    /// Sends a part, and again when it stood still.
    pub(super) async fn put_part(
        &self,
        location: &Location,
        id: &str,
        number: usize,
        part: PutPayload,
    ) -> object_store::Result<PartId> {
        let id = id.to_owned();
        let bytes = part.content_length() as u64;
        let limit = 2 * self.timeout + Duration::from_millis(bytes * 1000 / SLOWEST);
        let mut attempt = 1;
        loop {
            let sending = self.uploads.put_part(location, &id, number, part.clone());
            match within(limit, sending).await {
                Err(Stalled) if attempt < PART_ATTEMPTS => {
                    tracing::warn!(store = %self.store, %location, part = number, "a part of an archive stood still and is sent again");
                    attempt += 1;
                }
                Err(Stalled) => return Err(stalled()),
                Ok(sent) => return sent,
            }
        }
    }

    /// Joins the parts.
    pub(super) async fn complete(
        &self,
        location: &Location,
        id: &str,
        parts: Vec<PartId>,
    ) -> object_store::Result<()> {
        let id = id.to_owned();
        let joining = self.uploads.complete_multipart(location, &id, parts);
        match within(COMPLETION.max(self.timeout), joining).await {
            Ok(joined) => joined.map(drop),
            Err(Stalled) => Err(stalled()),
        }
    }

    /// Gives an upload up. One that is not open is none to give up.
    pub(super) async fn abort(&self, location: &Location, id: &str) -> object_store::Result<()> {
        match self.small.abort_multipart(location, &id.to_owned()).await {
            Err(object_store::Error::NotFound { .. }) => Ok(()),
            done => done,
        }
    }
}

fn builder(settings: &BucketSettings) -> AmazonS3Builder {
    let retry = RetryConfig {
        max_retries: RETRIES,
        retry_timeout: 2 * settings.timeout,
        backoff: BackoffConfig {
            max_backoff: Duration::from_secs(5),
            ..BackoffConfig::default()
        },
    };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&settings.bucket)
        .with_region(&settings.region)
        .with_access_key_id(&settings.access_key_id)
        .with_secret_access_key(settings.secret_access_key.expose_secret())
        .with_virtual_hosted_style_request(!settings.path_style)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_checksum_algorithm(Checksum::SHA256)
        // Not every service has the deletion of many at once, and we delete one by one.
        .with_disable_bulk_delete(true)
        .with_retry(retry);
    if let Some(token) = &settings.session_token {
        builder = builder.with_token(token.expose_secret());
    }
    if let Some(endpoint) = &settings.endpoint {
        // In virtual-hosted style the client takes the endpoint as that of the bucket.
        let endpoint = match endpoint.split_once("://") {
            Some((scheme, host)) if !settings.path_style => {
                format!("{scheme}://{}.{host}", settings.bucket)
            }
            _ => endpoint.clone(),
        };
        builder = builder.with_endpoint(endpoint);
    }
    builder
}

/// That a request has moved nothing for too long.
struct Stalled;

async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Result<T, Stalled> {
    tokio::time::timeout(limit, work).await.map_err(|_| Stalled)
}

fn stalled() -> object_store::Error {
    object_store::Error::Generic {
        store: "S3",
        source: "the connection stood still, and so did those that were tried after it".into(),
    }
}
