//! `pgsteward audit verify`: of the log by its daemon, or of an exported file without one.

use std::{fs::File, io::BufReader, path::PathBuf};

use clap::Args;

use crate::{
    cli::{
        connection::Connection,
        error::CliError,
        exit::Exit,
        page::{Page, Render as _},
        session::{print_json, write_out},
    },
    model::audit::{
        chain::{Damage, Head, Verdict},
        export::{check, hexadecimal, place},
    },
    proto::{AuditDamage, AuditFinding, AuditHead, VerifyAuditRequest, VerifyAuditResponse},
};

/// What is verified.
#[derive(Args, Clone, Debug)]
pub struct Verify {
    /// The head of an earlier verification or export, which the log must still have
    #[arg(long, value_name = "NUMBER:HASH", value_parser = expected)]
    expected: Option<Head>,
    /// Verify this exported file, without a daemon
    #[arg(long, value_name = "FILE", conflicts_with = "expected")]
    file: Option<PathBuf>,
}

fn expected(text: &str) -> Result<Head, String> {
    place(text).ok_or_else(|| {
        "expected the number of a record, a colon, and its hash of 64 hexadecimal digits".to_owned()
    })
}

impl Verify {
    pub(super) async fn run(self, connection: &Connection) -> Result<Exit, CliError> {
        let answer = if let Some(path) = self.file {
            of_verdict(verdict(path)?)
        } else {
            let session = connection.open().await?;
            // How long it takes depends on the length of the log.
            let request = session.stream_request(VerifyAuditRequest {
                expected: self.expected.map(message),
            });
            session.audit().verify_audit(request).await?.into_inner()
        };
        if connection.json() {
            print_json(&answer)?;
        } else {
            let mut page = Page::for_stdout();
            answer.render(&mut page);
            write_out(&page.into_text())?;
        }
        Ok(Exit::holds(answer.intact))
    }
}

fn verdict(path: PathBuf) -> Result<Verdict, CliError> {
    match File::open(&path) {
        Ok(file) => Ok(check(BufReader::new(file))?),
        Err(source) => Err(CliError::Read { path, source }),
    }
}

fn message(head: Head) -> AuditHead {
    AuditHead {
        number: head.number,
        hash: hexadecimal(&head.hash),
    }
}

/// The answer that a daemon would give of such a log.
fn of_verdict(verdict: Verdict) -> VerifyAuditResponse {
    let findings: Vec<AuditFinding> = verdict
        .findings
        .into_iter()
        .map(|finding| AuditFinding {
            damage: match finding.damage {
                Damage::Changed => AuditDamage::Changed,
                Damage::Gap => AuditDamage::Gap,
                Damage::Truncated => AuditDamage::Truncated,
                Damage::Replaced => AuditDamage::Replaced,
            }
            .into(),
            number: finding.number,
            message: finding.message,
        })
        .collect();
    VerifyAuditResponse {
        intact: findings.is_empty(),
        record_count: i64::try_from(verdict.records).unwrap_or(i64::MAX),
        head: Some(message(verdict.head)),
        findings,
        ..VerifyAuditResponse::default()
    }
}
