//! `pgsteward token new`: a bearer token, shown once, with the lines that make a daemon know it. No daemon is asked.

use std::fmt::Write as _;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use clap::Subcommand;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{error::CliError, exit::Exit, report::report, session::write_out};
use crate::model::permission::Rights;

/// What tokens begin with, so that they are known for what they are where they have no business to be.
const PREFIX: &str = "pgs_";
/// Random bytes in a token: as many as its digest has.
const BYTES: usize = 32;

/// Commands of `token`.
#[derive(Clone, Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token: it is printed once, with the lines for the daemon's configuration
    #[command(
        after_long_help = "Example:\n  pgsteward token new --name deploy --role 'viewer, operator on app'"
    )]
    New {
        /// The principal that it stands for, as the audit log shows it
        #[arg(long, value_name = "NAME", default_value = "caller", value_parser = name)]
        name: String,
        /// What it may do: viewer, operator or admin, on everything or on one database
        #[arg(long, value_name = "ROLE", default_value = "viewer", value_parser = rights)]
        role: Rights,
    },
}

/// As the configuration takes it.
fn name(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte);
    if (1..=63).contains(&text.len()) && text.bytes().all(allowed) {
        return Ok(text.to_owned());
    }
    Err("expected 1 to 63 letters, digits and any of . _ - @".to_owned())
}

fn rights(text: &str) -> Result<Rights, String> {
    text.parse()
        .map_err(|_| "expected roles such as `operator` or `viewer, operator on app`".to_owned())
}

/// Runs a command of `token`.
pub fn token(command: &TokenCommand, json: bool) -> Exit {
    let TokenCommand::New { name, role } = command;
    let made = fresh().and_then(|token| write_out(&shown(&token, name, role, json)));
    match made {
        Ok(()) => Exit::SUCCESS,
        Err(error) => report(&error, json),
    }
}

fn fresh() -> Result<String, CliError> {
    let mut bytes = [0; BYTES];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| CliError::Usage("this system gives no random numbers".to_owned()))?;
    Ok(format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes)))
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _infallible = write!(text, "{byte:02x}");
    }
    text
}

fn shown(token: &str, name: &str, role: &Rights, json: bool) -> String {
    let sha256 = hexadecimal(&Sha256::digest(token));
    let config =
        format!("[[auth.tokens]]\nname = \"{name}\"\nrole = \"{role}\"\nsha256 = \"{sha256}\"\n");
    if json {
        let role = role.to_string();
        let all = json!({
            "token": token, "name": name, "role": role, "sha256": sha256, "config": config,
        });
        return format!("{all}\n");
    }
    format!(
        "{token}\n\n# The token is shown this once. Its holder sends it as PGSTEWARD_TOKEN or --token.\n\
         # For the daemon's configuration, which takes effect at its next start:\n{config}"
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_token_is_new_each_time_and_the_configuration_holds_its_digest_alone() {
        let (one, other) = (fresh().unwrap(), fresh().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.len(), PREFIX.len() + 43);
        let text = shown(&one, "ci", &"viewer".parse().unwrap(), false);
        let (_, config) = text.split_once("[[auth.tokens]]").unwrap();
        assert!(!config.contains(&one));
        let digest = hexadecimal(&Sha256::digest(&one));
        assert!(config.contains(&digest), "{config}");
        let json = shown(&one, "ci", &"viewer".parse().unwrap(), true);
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["token"], one.as_str());
    }
}
