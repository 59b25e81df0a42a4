//! How the daemon and its databases are.

use super::{drill::in_short, privileges};
use crate::{
    cli::{
        page::{Page, Render},
        words,
    },
    proto::{DatabaseHealth, GetStatusResponse, SchemaVersion},
};

fn state(health: &DatabaseHealth) -> String {
    words::value(health.state().as_str_name(), "DATABASE_STATE_")
}

/// Whether the schema is at the scripts' heads, in a few words.
fn schema(version: Option<&SchemaVersion>) -> String {
    match version {
        None => String::new(),
        Some(version) if version.in_sync => "in sync".to_owned(),
        Some(version) => format!(
            "{} pending",
            words::count(version.pending_count, "revision")
        ),
    }
}

impl Render for GetStatusResponse {
    fn render(&self, page: &mut Page) {
        let store = match &self.control_store {
            Some(store) if !store.reachable => format!(
                "unreachable since {}: {}",
                words::time(store.since_time.as_ref()),
                store.message
            ),
            _ if self.control_store_reachable => "reachable".to_owned(),
            _ => "unreachable".to_owned(),
        };
        page.fields(&[
            ("pgsteward", self.version.clone()),
            ("started", words::time(self.start_time.as_ref())),
            ("control store", store),
            ("running operations", self.running_operations.to_string()),
            ("message", self.message.clone()),
        ]);
        page.gap();
        let rows = self.databases.iter().map(|health| {
            [
                health.database.clone(),
                state(health),
                health.server_version.clone(),
                schema(health.schema_version.as_ref()),
                health
                    .last_backup
                    .as_ref()
                    .map(|backup| words::time(backup.complete_time.as_ref()))
                    .unwrap_or_default(),
                in_short(health.last_drill.as_ref()),
                health.message.clone(),
            ]
        });
        page.table(
            [
                "database",
                "state",
                "server",
                "schema",
                "last backup",
                "last drill",
                "message",
            ],
            rows,
            "no databases",
        );
    }
}

impl Render for DatabaseHealth {
    fn render(&self, page: &mut Page) {
        let maintenance = self.maintenance.as_ref().filter(|mode| mode.active);
        page.fields(&[
            ("database", self.database.clone()),
            ("state", state(self)),
            ("message", self.message.clone()),
            ("checked", words::time(self.check_time.as_ref())),
            ("server", self.server_version.clone()),
            ("schema", schema(self.schema_version.as_ref())),
            (
                "maintenance",
                maintenance.map_or_else(String::new, |mode| mode.reason.clone()),
            ),
            (
                "last backup",
                self.last_backup
                    .as_ref()
                    .map(|backup| backup.filename.clone())
                    .unwrap_or_default(),
            ),
            ("last drill", in_short(self.last_drill.as_ref())),
            ("last good drill", in_short(self.last_good_drill.as_ref())),
            ("privileges", privileges::in_short(self.privileges.as_ref())),
        ]);
        page.gap();
        let rows = self.connections.iter().map(|connection| {
            [
                connection.purpose.clone(),
                words::yes(connection.reachable),
                words::time(connection.since_time.as_ref()),
                words::duration(connection.latency.as_ref()),
                connection.message.clone(),
            ]
        });
        page.table(
            ["connection", "reachable", "since", "latency", "message"],
            rows,
            "no connections",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cli::page::rendered, proto::DatabaseState};

    #[test]
    fn the_status_names_each_database_with_its_state_and_pending_revisions() {
        let status = GetStatusResponse {
            version: "0.1.0".to_owned(),
            control_store_reachable: true,
            databases: vec![DatabaseHealth {
                database: "app".to_owned(),
                state: DatabaseState::Healthy.into(),
                server_version: "15.18".to_owned(),
                schema_version: Some(SchemaVersion {
                    pending_count: 2,
                    ..SchemaVersion::default()
                }),
                ..DatabaseHealth::default()
            }],
            ..GetStatusResponse::default()
        };
        let text = rendered(&status);
        let row = text.lines().last().unwrap_or_default();
        let words: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(
            words,
            [
                "app",
                "healthy",
                "15.18",
                "2",
                "revisions",
                "pending",
                "-",
                "-",
                "-"
            ]
        );
        assert!(text.contains("control store:       reachable\n"), "{text}");
    }
}
