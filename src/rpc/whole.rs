//! Whether the stream that a caller sends has come to its own end. A caller that cancels looks to a handler like one who
//! has sent all: hyper ends the body there without an error, and tonic the stream.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use http::Request;
use http_body::{Body, Frame, SizeHint};
use tonic::{Status, body::Body as TonicBody};

/// Stands in the extensions of a request that is watched.
#[derive(Clone, Debug, Default)]
pub(super) struct Whole(Arc<AtomicBool>);

impl Whole {
    /// Watches the body of a request.
    pub(super) fn watch(mut request: Request<TonicBody>) -> Request<TonicBody> {
        let whole = Self::default();
        request.extensions_mut().insert(whole.clone());
        request.map(|body| TonicBody::new(Watched { body, whole }))
    }

    /// Whether all has come that the caller wanted to send.
    pub(super) fn is_whole(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

struct Watched {
    body: TonicBody,
    whole: Whole,
}

impl Body for Watched {
    type Data = bytes::Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Status>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        // The mark of the end has come with the last frame or after it; it does not come from a stream that was reset.
        if !matches!(frame, Some(Err(_))) && self.body.is_end_stream() {
            self.whole.0.store(true, Ordering::Release);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
