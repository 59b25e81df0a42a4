//! `pgsteward backup …`: `BackupService`.

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
};

use clap::Subcommand;

use super::{
    arguments::{Database, Start},
    download::{Download, Made},
    error::CliError,
    exit::Exit,
    follow::started,
    pages,
    session::{Session, present, print_json, write_out},
    upload::upload,
    words,
};
use crate::proto::{
    ApplyRetentionRequest, Backup, CreateBackupRequest, DeleteBackupRequest, GetBackupRequest,
    ListBackupsRequest, ListBackupsResponse, UpdateBackupRequest, VerifyBackupRequest,
};

/// Commands of `backup`.
#[derive(Clone, Debug, Subcommand)]
pub enum BackupCommand {
    /// Make a backup
    #[command(
        after_long_help = "Examples:\n  pgsteward backup create --database app\n  pgsteward backup create --label release=1.2 --hold"
    )]
    Create {
        /// A label of the backup; may be given several times
        #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
        labels: Vec<(String, String)>,
        /// Hold it from its beginning: nothing removes it before it is released
        #[arg(long)]
        hold: bool,
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        start: Start,
    },
    /// List the backups, newest first
    #[command(
        after_long_help = "Example:\n  pgsteward backup list --json | jq -r '.backups[0].filename'"
    )]
    List {
        #[command(flatten)]
        database: Database,
        /// Only backups that this store holds
        #[arg(
            long,
            value_name = "NAME",
            default_value = "",
            hide_default_value = true
        )]
        store: String,
    },
    /// Show a backup with its rows table by table
    #[command(after_long_help = "Example:\n  pgsteward backup show app_20261122T020000Z.sql.gz")]
    Show {
        /// The archive's name as listed
        file: String,
    },
    /// Download a backup; the same command again resumes a download that was cut
    #[command(
        after_long_help = "Examples:\n  pgsteward backup download app_20261122T020000Z.sql.gz\n  pgsteward backup download app_20261122T020000Z.sql.gz --plain -o - | psql scratch\n  pgsteward backup download app_20261122T020000Z.sql.gz.age --decrypt --table public.orders"
    )]
    Download {
        /// The archive's name as listed
        file: String,
        /// A file, a directory, or `-` for standard output [default: the archive's name]
        #[arg(short, long, value_name = "PATH")]
        output: Option<PathBuf>,
        /// Decompress on the way; such a download cannot be resumed
        #[arg(long, conflicts_with_all = ["decrypt", "compression", "tables"])]
        plain: bool,
        #[command(flatten)]
        made: Made,
        /// The store to read from [default: the first that holds it]
        #[arg(
            long,
            value_name = "NAME",
            default_value = "",
            hide_default_value = true
        )]
        store: String,
    },
    /// Put an archive of another tool's into the store
    #[command(
        after_long_help = "Examples:\n  pgsteward backup upload old.sql.gz --database app\n  pgsteward backup upload /tmp/x --name app_2026.dump"
    )]
    Upload {
        /// The file: SQL, SQL in gzip or zstd, a dump of `pg_dump -Fc`, or one of these encrypted by age
        file: PathBuf,
        /// The name to keep it under [default: the file's own]
        #[arg(long = "name", value_name = "NAME")]
        filename: Option<String>,
        #[command(flatten)]
        database: Database,
    },
    /// Read a backup back: its digest and its decompression to the end
    #[command(after_long_help = "Example:\n  pgsteward backup verify app_20261122T020000Z.sql.gz")]
    Verify {
        /// The archive's name as listed
        file: String,
        /// The store whose copy is read [default: the first that holds it]
        #[arg(
            long,
            value_name = "NAME",
            default_value = "",
            hide_default_value = true
        )]
        store: String,
        #[command(flatten)]
        start: Start,
    },
    /// Write labels on a backup, or remove some
    #[command(
        after_long_help = "Example:\n  pgsteward backup label app_20261122T020000Z.sql.gz release=1.2 --remove draft"
    )]
    Label {
        /// The archive's name as listed
        file: String,
        /// Labels to set; others stay
        #[arg(value_name = "KEY=VALUE", value_parser = label, required_unless_present = "remove")]
        labels: Vec<(String, String)>,
        /// The key of a label to remove; may be given several times
        #[arg(long, value_name = "KEY")]
        remove: Vec<String>,
    },
    /// Hold a backup: neither retention nor `backup delete` removes it
    #[command(after_long_help = "Example:\n  pgsteward backup hold app_20261122T020000Z.sql.gz")]
    Hold {
        /// The archive's name as listed
        file: String,
    },
    /// Let a backup go that is held
    #[command(after_long_help = "Example:\n  pgsteward backup release app_20261122T020000Z.sql.gz")]
    Release {
        /// The archive's name as listed
        file: String,
    },
    /// Remove a backup for good
    #[command(
        after_long_help = "Example:\n  pgsteward backup delete app_20261122T020000Z.sql.gz --yes"
    )]
    Delete {
        /// The archive's name as listed
        file: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Remove the scheduled backups that the retention policy no longer keeps
    #[command(after_long_help = "Example:\n  pgsteward backup retention --dry-run")]
    Retention {
        /// Show what would go and why, and remove nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        start: Start,
    },
}

impl BackupCommand {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        match self {
            Self::Create {
                labels,
                hold,
                database,
                start,
            } => {
                let request = session.request(CreateBackupRequest {
                    database: database.name,
                    request_id: start.request_id.clone(),
                    labels: labels.into_iter().collect(),
                    hold,
                });
                let response = session.backups().create_backup(request).await?;
                started(session, response.into_inner().operation, &start).await
            }
            Self::List { database, store } => list(session, database.name, store).await,
            Self::Show { file } => {
                let request = session.request(GetBackupRequest { filename: file });
                let response = session.backups().get_backup(request).await?;
                session.print(&present(response.into_inner().backup, "backup")?)?;
                Ok(Exit::SUCCESS)
            }
            Self::Download {
                file,
                output,
                plain,
                made,
                store,
            } => {
                let download = Download {
                    filename: file,
                    output,
                    plain,
                    made,
                    store,
                };
                download.run(session).await
            }
            Self::Upload {
                file,
                filename,
                database,
            } => upload(session, &file, filename, database.name).await,
            Self::Verify { file, store, start } => {
                let request = session.request(VerifyBackupRequest {
                    filename: file,
                    store,
                    request_id: start.request_id.clone(),
                    ..VerifyBackupRequest::default()
                });
                let response = session.backups().verify_backup(request).await?;
                started(session, response.into_inner().operation, &start).await
            }
            Self::Label {
                file,
                labels,
                remove,
            } => {
                let request = UpdateBackupRequest {
                    filename: file,
                    labels: labels.into_iter().collect(),
                    remove_labels: remove,
                    hold: None,
                };
                update(session, request).await
            }
            Self::Hold { file } => update(session, held(file, true)).await,
            Self::Release { file } => update(session, held(file, false)).await,
            Self::Delete { file, yes } => delete(session, file, yes).await,
            Self::Retention {
                dry_run,
                database,
                start,
            } => {
                let request = session.request(ApplyRetentionRequest {
                    database: database.name,
                    validate_only: dry_run,
                    request_id: start.request_id.clone(),
                });
                let response = session.backups().apply_retention(request).await?;
                started(session, response.into_inner().operation, &start).await
            }
        }
    }
}

/// Reads `KEY=VALUE`; the value may be empty. What a key may be, the daemon says.
fn label(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .ok_or_else(|| "a label is KEY=VALUE".to_owned())
}

fn held(filename: String, hold: bool) -> UpdateBackupRequest {
    UpdateBackupRequest {
        filename,
        hold: Some(hold),
        ..UpdateBackupRequest::default()
    }
}

async fn update(session: &Session, request: UpdateBackupRequest) -> Result<Exit, CliError> {
    let request = session.request(request);
    let response = session.backups().update_backup(request).await?;
    let backup = present(response.into_inner().backup, "backup")?;
    // What changed, and not the rows table by table.
    session.print(&Backup {
        tables: Vec::new(),
        ..backup
    })?;
    Ok(Exit::SUCCESS)
}

async fn list(session: &Session, database: String, store: String) -> Result<Exit, CliError> {
    let mut unreadable_manifests = Vec::new();
    let fetch = async |page_size, page_token| {
        let request = session.request(ListBackupsRequest {
            database: database.clone(),
            page_size,
            page_token,
            store: store.clone(),
        });
        let response = session.backups().list_backups(request).await?;
        let page = response.into_inner();
        unreadable_manifests = page.unreadable_manifests;
        Ok((page.backups, page.next_page_token))
    };
    let (backups, next_page_token) = pages::collect(None, fetch).await?;
    session.print(&ListBackupsResponse {
        backups,
        next_page_token,
        unreadable_manifests,
    })?;
    Ok(Exit::SUCCESS)
}

async fn delete(session: &Session, filename: String, yes: bool) -> Result<Exit, CliError> {
    if !yes && !confirmed(&filename)? {
        return Ok(Exit::CONDITION_FALSE);
    }
    let request = session.request(DeleteBackupRequest {
        filename: filename.clone(),
    });
    let response = session.backups().delete_backup(request).await?;
    if session.json {
        print_json(&response.into_inner())?;
    } else {
        write_out(&format!("{} is removed\n", words::clean(&filename)))?;
    }
    Ok(Exit::SUCCESS)
}

/// Asks on the terminal. Without one there is nobody to ask.
fn confirmed(filename: &str) -> Result<bool, CliError> {
    if !io::stdin().is_terminal() {
        return Err(CliError::Usage(
            "there is no terminal to ask on; give --yes to remove the backup".to_owned(),
        ));
    }
    eprint!("Remove {} for good? [y/N] ", words::clean(filename));
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .map_err(|source| CliError::Standard {
            stream: "input",
            source,
        })?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
