//! Where the pairs of a shard are gone through: one site with one daemon, whose managed database is made anew for each way.

use std::{collections::BTreeMap, fs};

use tokio_postgres::Client;

use super::{dump::Dump, pair::Pair};
use crate::support::{
    Daemon, Site,
    database::{NO_DEFAULT_PRIVILEGES, connect, run},
};

/// A site and its daemon.
pub(super) struct Ground {
    // The daemon's log lies in the site's directory, which is to go last.
    pub(super) daemon: Daemon,
    pub(super) site: Site,
    /// A session in no database that is dropped.
    server: Client,
}

/// A schema that was loaded by plain SQL.
pub(super) struct PlainSchema {
    /// Its statements in an order in which they load.
    pub(super) sql: String,
    /// What `pg_dump` says of it.
    pub(super) dump: Dump,
}

impl Ground {
    /// Starts a daemon, whose roles may be made superusers.
    pub(super) async fn new(superuser: bool) -> Self {
        let mut site = Site::new().await;
        if superuser {
            let raise = "ALTER ROLE $admin SUPERUSER; ALTER ROLE $migrator SUPERUSER";
            let raise = site.databases.named(raise);
            site.databases.run_as_superuser(&raise).await;
        }
        // The pairs have default privileges of their own.
        let bare = site.databases.named(NO_DEFAULT_PRIVILEGES);
        site.databases.run_as_superuser(&bare).await;
        let models = site.path("models");
        fs::create_dir(&models).unwrap();
        site.set("migrations.models", models.to_str().unwrap());
        site.set("migrations.backup_before", "never");
        site.set("migrations.rehearse", "false");
        // Its sessions would only be in the way of databases that go.
        site.set("health.interval", "1h");
        let server = site.databases.superuser_in("postgres").await;
        let template = template(&site);
        let make = format!(
            "CREATE DATABASE {template} TEMPLATE {}",
            site.databases.managed()
        );
        run(&server, &make).await;
        let daemon = site.start().await;
        Self {
            daemon,
            site,
            server,
        }
    }

    /// Ends the daemon.
    pub(super) async fn stop(self) {
        self.daemon.stop().await;
    }

    /// The managed database and the revisions directory as they were in the beginning, and models.
    pub(super) async fn begin(&self, models: &BTreeMap<String, String>) {
        self.make(&self.site.databases.managed()).await;
        empty(&self.site.revisions());
        empty(&self.site.path("models"));
        for (name, text) in models {
            let text = self.site.databases.named(text);
            fs::write(self.site.path("models").join(name), text).unwrap();
        }
    }

    /// Both schemas of a pair as plain SQL makes them: the old one and the new one.
    pub(super) async fn plain_schemas(&self, pair: &Pair) -> Result<[PlainSchema; 2], String> {
        let [old, new] = pair.schemas();
        Ok([self.plain_schema(old).await?, self.plain_schema(new).await?])
    }

    /// Loads files in the order in which they load, in the managed database, as its migrator.
    async fn plain_schema(&self, files: &BTreeMap<String, String>) -> Result<PlainSchema, String> {
        let managed = self.site.databases.managed();
        self.make(&managed).await;
        let named = files.values().map(|text| self.site.databases.named(text));
        let mut waiting: Vec<String> = named.collect();
        let mut sql = String::new();
        while !waiting.is_empty() {
            let (mut stuck, mut errors) = (Vec::new(), String::new());
            let tried = waiting.len();
            for text in waiting {
                match self.run_as_migrator(&text).await {
                    Ok(()) => sql += &text,
                    Err(error) => {
                        errors += &error;
                        stuck.push(text);
                    }
                }
            }
            if stuck.len() == tried {
                return Err(format!("the schema does not load: {errors}"));
            }
            waiting = stuck;
        }
        Ok(PlainSchema {
            sql,
            dump: Dump::of(&managed).await?,
        })
    }

    /// Runs statements in the managed database, in one transaction.
    pub(super) async fn run_as_migrator(&self, sql: &str) -> Result<(), String> {
        let migrator = self.site.databases.role("migrator");
        let managed = self.site.databases.managed();
        let session = connect(&migrator, &managed).await.unwrap();
        let done = session.batch_execute(sql).await;
        done.map_err(|error| match error.as_db_error() {
            Some(error) => error.to_string(),
            None => format!("{error:?}"),
        })
    }

    /// Makes a database that is as the managed one was in the beginning, in place of what has its name. The strategy is the
    /// cheaper one where nothing is made durable.
    async fn make(&self, database: &str) {
        let named = |text: &str| self.site.databases.named(text);
        let template = template(&self.site);
        for statement in [
            format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)"),
            named(&format!(
                "CREATE DATABASE {database} OWNER $admin TEMPLATE {template} STRATEGY FILE_COPY"
            )),
            named(&format!(
                "REVOKE ALL ON DATABASE {database} FROM PUBLIC;
                 GRANT CONNECT ON DATABASE {database} TO $migrator, $backup, $maintenance, $app;
                 GRANT CREATE, TEMPORARY ON DATABASE {database} TO $migrator"
            )),
        ] {
            run(&self.server, &statement).await;
        }
    }
}

fn template(site: &Site) -> String {
    site.databases.role("template")
}

/// Removes the files in a directory.
fn empty(directory: &std::path::Path) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::remove_file(path).unwrap();
        }
    }
}
