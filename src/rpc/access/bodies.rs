//! The bodies of a call, within their times: a request that does not come ends with an error, and an answer that its caller
//! leaves unread is let go of.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};
use tokio_util::task::AbortOnDropHandle;
use tonic::{Status, body::Body as TonicBody};

use super::line::Line;
use crate::{
    model::failure::{Failure, Kind},
    rpc::status::status,
};

/// Ends a request whose message does not come in time. An upload's chunks may: its operation watches them.
pub(super) fn timely(
    request: Request<TonicBody>,
    patience: Duration,
    only_first: bool,
) -> Request<TonicBody> {
    request.map(|body| {
        TonicBody::new(Timely {
            body,
            patience,
            only_first,
            is_first: true,
            waiting: None,
        })
    })
}

struct Timely {
    body: TonicBody,
    patience: Duration,
    only_first: bool,
    is_first: bool,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Body for Timely {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            this.waiting = None;
            this.is_first = false;
            return Poll::Ready(frame);
        }
        if this.only_first && !this.is_first {
            return Poll::Pending;
        }
        let patience = this.patience;
        let waiting = this
            .waiting
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        if waiting.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        let message = format!(
            "the request did not come within {}",
            humantime::format_duration(patience)
        );
        let failure = Failure::new(Kind::DeadlineExceeded, "REQUEST_TIMEOUT", message);
        Poll::Ready(Some(Err(status(failure))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Follows the answer to its end for the log line; where a time is given, lets go of it when its caller leaves it unread for
/// so long: open
/// files, locks and records must not hang on someone who went to sleep.
pub(super) fn followed(
    response: Response<TonicBody>,
    mut line: Line,
    patience: Option<Duration>,
) -> Response<TonicBody> {
    // A refusal has its status in the headers, everything else in the trailers.
    line.note(response.headers());
    response.map(|body| {
        if body.is_end_stream() {
            return body;
        }
        let answer = Arc::new(Mutex::new(Answer {
            parts: Some((body, line)),
            given: None,
        }));
        let watching = patience.map(|patience| {
            let watch = tokio::spawn(watch(Arc::downgrade(&answer), patience));
            AbortOnDropHandle::new(watch)
        });
        TonicBody::new(Followed {
            answer,
            _watching: watching,
        })
    })
}

struct Answer {
    /// The body and its line; none once it was let go of.
    parts: Option<(TonicBody, Line)>,
    /// When the last part was given to the connection, while the connection has not asked for the next one.
    given: Option<Instant>,
}

fn lock(answer: &Mutex<Answer>) -> MutexGuard<'_, Answer> {
    answer.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks now and then whether the answer is read.
async fn watch(answer: Weak<Mutex<Answer>>, patience: Duration) {
    loop {
        tokio::time::sleep(patience / 4).await;
        let Some(answer) = answer.upgrade() else {
            return;
        };
        let mut answer = lock(&answer);
        if answer
            .given
            .is_some_and(|since| since.elapsed() >= patience)
        {
            if let Some((_, line)) = &answer.parts {
                let (method, peer) = (&line.method, line.peer);
                tracing::warn!(method, %peer, "an answer was left unread for too long and is let go of");
            }
            answer.parts = None;
            return;
        }
    }
}

struct Followed {
    answer: Arc<Mutex<Answer>>,
    _watching: Option<AbortOnDropHandle<()>>,
}

impl Body for Followed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let mut answer = lock(&self.answer);
        answer.given = None;
        let Some((body, line)) = &mut answer.parts else {
            let failure = Failure::new(
                Kind::DeadlineExceeded,
                "ANSWER_UNREAD",
                "the answer was left unread for too long",
            )
            .with_hint("read the answer as it comes; begin a download again from where it ended");
            return Poll::Ready(Some(Err(status(failure))));
        };
        let frame = Pin::new(body).poll_frame(context);
        if let Poll::Ready(Some(Ok(part))) = &frame {
            if let Some(trailers) = part.trailers_ref() {
                line.note(trailers);
            }
            answer.given = Some(Instant::now());
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        let answer = lock(&self.answer);
        let parts = answer.parts.as_ref();
        parts.is_some_and(|(body, _)| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let answer = lock(&self.answer);
        let parts = answer.parts.as_ref();
        parts.map_or_else(SizeHint::default, |(body, _)| body.size_hint())
    }
}
