//! Whole loads: a file's text and an environment in, a configuration or its refusal out.

#![allow(clippy::unwrap_used, clippy::panic)]

mod access;
mod databases;
mod environment;
mod example;
mod secrets;
mod stores;
mod values;

use std::{fmt::Write, path::Path};

use super::{Config, ConfigError};
use crate::model::failure::{Classified, chain};

/// Loads as a user with a home and the given variables would.
fn load_with(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let home = [("HOME".to_owned(), "/home/steward".to_owned())];
    let variables = variables
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    Config::read(
        Some((Path::new("/etc/pgsteward.toml"), text)),
        home.into_iter().chain(variables),
        false,
    )
}

fn load(text: &str) -> Config {
    match load_with(text, &[]) {
        Ok(config) => config,
        Err(error) => panic!("refused: {}", told(&error)),
    }
}

/// All that a user is told about a refusal.
fn told(error: &ConfigError) -> String {
    let mut text = chain(error);
    if let Some(hint) = error.hint() {
        let _ = write!(text, " ({hint})");
    }
    text
}

fn refusal_with(text: &str, variables: &[(&str, &str)]) -> String {
    match load_with(text, variables) {
        Ok(config) => panic!("accepted: {}", config.shown()),
        Err(error) => told(&error),
    }
}

fn refusal(text: &str) -> String {
    refusal_with(text, &[])
}

/// Asserts that a text is refused with a message that holds all these parts.
fn assert_refused(text: &str, parts: &[&str]) {
    let told = refusal(text);
    for part in parts {
        assert!(
            told.contains(part),
            "{text:?} gives {told:?}, without {part:?}"
        );
    }
}
