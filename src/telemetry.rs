//! Telemetry: where log lines go and what they look like. Called once by `main`, before anything can log.
//!
//! Lines go to standard error, so that a client command's output stays clean. On a terminal they are for people;
//! elsewhere each is a JSON object with an RFC 3339 timestamp in UTC, the event's fields at the top level, and the
//! spans (request, operation, principal) that it happened in.

use std::{
    env,
    io::{self, IsTerminal},
};

use thiserror::Error;
use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::ParseError,
    fmt::MakeWriter,
    layer::SubscriberExt,
    registry::LookupSpan,
    util::{SubscriberInitExt, TryInitError},
};

use crate::{
    config::LogFormat,
    model::failure::{Classified, Kind},
};

/// Why logging cannot start.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// The filter is not valid.
    #[error("cannot read the log filter")]
    Filter(#[source] ParseError),
    /// Something has set up logging in this process before.
    #[error("cannot start logging twice in one process")]
    AlreadyStarted(#[source] TryInitError),
}

impl Classified for TelemetryError {
    fn kind(&self) -> Kind {
        match self {
            Self::Filter(_) => Kind::InvalidArgument,
            Self::AlreadyStarted(_) => Kind::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Filter(_) => "LOG_FILTER_INVALID",
            Self::AlreadyStarted(_) => "LOGGING_ALREADY_STARTED",
        }
    }
}

/// Starts logging to standard error for the rest of the process's life. `filter` is a directive of `EnvFilter`.
pub fn init(format: LogFormat, filter: &str) -> Result<(), TelemetryError> {
    let filter = EnvFilter::builder()
        .parse(filter)
        .map_err(TelemetryError::Filter)?;
    let style = Style::choose(
        format,
        io::stderr().is_terminal(),
        env::var_os("NO_COLOR").is_some_and(|text| !text.is_empty()),
    );
    tracing_subscriber::registry()
        .with(filter)
        .with(lines(style, io::stderr))
        .try_init()
        .map_err(TelemetryError::AlreadyStarted)
}

/// What a line looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Human { color: bool },
    Json,
}

impl Style {
    /// Colour needs a terminal and no `NO_COLOR` (<https://no-color.org>).
    fn choose(format: LogFormat, terminal: bool, no_color: bool) -> Self {
        match format {
            LogFormat::Auto if !terminal => Self::Json,
            LogFormat::Auto | LogFormat::Human => Self::Human {
                color: terminal && !no_color,
            },
            LogFormat::Json => Self::Json,
        }
    }
}

/// The layer that writes lines of a style.
fn lines<S, W>(style: Style, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(writer);
    match style {
        Style::Human { color } => layer.compact().with_ansi(color).boxed(),
        Style::Json => layer
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(true)
            .boxed(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{
        io::Write,
        sync::{Arc, Mutex},
    };

    use chrono::{DateTime, Utc};

    use super::*;

    /// A writer whose bytes the test reads afterwards.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What one event inside two spans looks like.
    fn line(style: Style) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::registry().with(lines(style, move || writer.clone()));
        tracing::subscriber::with_default(subscriber, || {
            let _outer = tracing::info_span!("rpc", request = "r1").entered();
            let _inner = tracing::info_span!("operation", id = "o1").entered();
            tracing::info!(rows = 3, "copied");
        });
        let bytes = kept.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn auto_is_human_on_a_terminal_and_json_elsewhere() {
        assert_eq!(
            Style::choose(LogFormat::Auto, true, false),
            Style::Human { color: true }
        );
        assert_eq!(Style::choose(LogFormat::Auto, false, false), Style::Json);
        assert_eq!(Style::choose(LogFormat::Json, true, false), Style::Json);
    }

    #[test]
    fn colour_needs_a_terminal_that_wants_it() {
        assert_eq!(
            Style::choose(LogFormat::Human, true, true),
            Style::Human { color: false }
        );
        assert_eq!(
            Style::choose(LogFormat::Auto, true, true),
            Style::Human { color: false }
        );
        assert_eq!(
            Style::choose(LogFormat::Human, false, false),
            Style::Human { color: false }
        );
    }

    #[test]
    fn a_json_line_is_flat_with_a_utc_time_and_its_spans() {
        let text = line(Style::Json);
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        let event: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&event["message"], &event["rows"], &event["level"]),
            (&"copied".into(), &3.into(), &"INFO".into())
        );
        let spans = &event["spans"];
        assert_eq!(
            (&spans[0]["name"], &spans[0]["request"]),
            (&"rpc".into(), &"r1".into())
        );
        assert_eq!(
            (&spans[1]["name"], &spans[1]["id"]),
            (&"operation".into(), &"o1".into())
        );
        let timestamp = event["timestamp"].as_str().unwrap();
        assert!(timestamp.ends_with('Z'), "{timestamp}");
        let age = Utc::now() - DateTime::parse_from_rfc3339(timestamp).unwrap().to_utc();
        assert!(age.num_seconds().abs() < 60, "{timestamp}");
    }

    #[test]
    fn a_human_line_has_colour_only_where_asked() {
        let plain = line(Style::Human { color: false });
        assert!(
            plain.contains("copied rows=3")
                && plain.contains("id=\"o1\"")
                && !plain.contains('\u{1b}'),
            "{plain}"
        );
        assert!(line(Style::Human { color: true }).contains('\u{1b}'));
    }

    #[test]
    fn an_invalid_filter_is_refused() {
        let error = init(LogFormat::Json, "pgsteward=loud").unwrap_err();
        assert_eq!(error.to_string(), "cannot read the log filter");
    }
}
