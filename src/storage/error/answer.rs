//! Reading what a store said: which of a few classes it is, and the words worth keeping.

use std::{error::Error, io};

use super::Source;

/// A store's answer by class, each with the words to keep.
pub(super) enum Answer {
    Full(Source),
    Denied(Source),
    NoBucket(Source),
    Other(Source),
}

/// Codes of S3 errors that say that space or quota is used up.
const FULL: [&str; 4] = [
    "QuotaExceeded",
    "XMinioStorageFull",
    "InsufficientStorage",
    "StorageFull",
];
/// Codes of S3 errors that say that the key is not known, has lapsed, or may not do this.
const DENIED: [&str; 8] = [
    "AccessDenied",
    "AllAccessDisabled",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "AccountProblem",
    "InvalidSecurity",
];

/// The words of an S3 service, without the request and without XML.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Words(String);

/// Tells the class of a failure, and shortens what an S3 client says of it.
pub(super) fn read(source: Source) -> Answer {
    let error = source.as_ref();
    let text = whole_text(error);
    let code = between(&text, "<Code>", "</Code>");
    let is_code = |codes: &[&str]| code.is_some_and(|code| codes.contains(&code));
    let (full, denied) = (
        is_full(error) || is_code(&FULL) || text.contains("507 Insufficient Storage"),
        is_denied(error) || is_code(&DENIED),
    );
    let no_bucket = code == Some("NoSuchBucket");
    let kept = if is_remote(error) {
        Box::new(Words(words(error, &text)))
    } else {
        source
    };
    if full {
        Answer::Full(kept)
    } else if no_bucket {
        Answer::NoBucket(kept)
    } else if denied {
        Answer::Denied(kept)
    } else {
        Answer::Other(kept)
    }
}

/// Every cause, each with those that an I/O error or an object store's error holds inside.
fn any(error: &(dyn Error + 'static), is_it: &dyn Fn(&(dyn Error + 'static)) -> bool) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if is_it(error) {
            return true;
        }
        // An I/O error that wraps another error counts that one as itself, and names only the next as its source.
        if let Some(inner) = error
            .downcast_ref::<io::Error>()
            .and_then(|error| error.get_ref())
            && any(inner, is_it)
        {
            return true;
        }
        cause = error.source();
    }
    false
}

fn is_io(error: &(dyn Error + 'static), kinds: &[io::ErrorKind]) -> bool {
    any(error, &|error| {
        error
            .downcast_ref::<io::Error>()
            .is_some_and(|error| kinds.contains(&error.kind()))
    })
}

fn is_full(error: &(dyn Error + 'static)) -> bool {
    is_io(
        error,
        &[io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded],
    )
}

fn is_denied(error: &(dyn Error + 'static)) -> bool {
    let refused = any(error, &|error| {
        matches!(
            error.downcast_ref::<object_store::Error>(),
            Some(
                object_store::Error::PermissionDenied { .. }
                    | object_store::Error::Unauthenticated { .. }
            )
        )
    });
    refused || is_io(error, &[io::ErrorKind::PermissionDenied])
}

/// Whether it came over HTTP.
fn is_remote(error: &(dyn Error + 'static)) -> bool {
    any(error, &|error| {
        let text = error.to_string();
        text.starts_with("HTTP error") || text.starts_with("Server returned")
    })
}

/// The text of the error and of all its causes. Only for looking things up in.
fn whole_text(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push('\n');
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// The service's code and message where it gave them, else the innermost cause: a refused connection, a time that ran out.
fn words(error: &(dyn Error + 'static), text: &str) -> String {
    if let Some(code) = between(text, "<Code>", "</Code>") {
        return match between(text, "<Message>", "</Message>") {
            Some(message) => format!("{code}: {message}"),
            None => code.to_owned(),
        };
    }
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost
        .to_string()
        .trim_end_matches([':', ' '])
        .to_owned()
}

fn between<'a>(text: &'a str, opening: &str, closing: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(opening)?;
    let (found, _) = rest.split_once(closing)?;
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::failure::{Classified as _, Failure, Kind},
        storage::StorageError,
    };

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] Source);

    fn generic(source: impl Into<Source>) -> object_store::Error {
        object_store::Error::Generic {
            store: "test",
            source: Box::new(Outer(source.into())),
        }
    }

    fn classified(source: impl Into<Source>) -> StorageError {
        StorageError::failed("local", "write backup x", source)
    }

    #[test]
    fn a_full_disk_is_told_from_other_failures_however_deep_it_lies() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let full_ones: [Source; 5] = [
            Box::new(full()),
            Box::new(io::Error::from(io::ErrorKind::QuotaExceeded)),
            Box::new(Outer(Box::new(full()))),
            Box::new(generic(full())),
            Box::new(io::Error::other(generic(io::Error::other(full())))),
        ];
        for source in full_ones {
            let error = classified(source);
            assert_eq!(error.kind(), Kind::ResourceExhausted);
            assert_eq!(error.reason(), "STORE_FULL");
        }
        let denied = generic(io::Error::from(io::ErrorKind::PermissionDenied));
        assert_eq!(classified(denied).reason(), "STORE_DENIED");
        let other = generic(io::Error::from(io::ErrorKind::InvalidData));
        assert_eq!(classified(other).reason(), "STORE_UNAVAILABLE");
    }

    #[test]
    fn what_a_service_answers_is_classified_by_its_code_and_cut_down_to_its_words() {
        let answer = |code: &str| {
            Words(format!(
                "Server returned non-2xx status code: 403 Forbidden: <Error><Code>{code}</Code><Message>no, \
                 never</Message><AWSAccessKeyId>AKIA</AWSAccessKeyId></Error>"
            ))
        };
        for (code, reason) in [
            ("XMinioStorageFull", "STORE_FULL"),
            ("SignatureDoesNotMatch", "STORE_DENIED"),
            ("NoSuchBucket", "STORE_BUCKET_MISSING"),
            ("InternalError", "STORE_UNAVAILABLE"),
        ] {
            let error = classified(generic(answer(code)));
            assert_eq!(error.reason(), reason);
            let failure = Failure::from(error);
            assert!(failure.hint.is_some());
            assert!(failure.message.contains("\"local\""), "{failure}");
            assert!(
                failure.message.ends_with(&format!(": {code}: no, never")),
                "{failure}"
            );
        }
    }
}
