//! Maintenance mode.

use crate::{
    cli::{
        page::{Page, Render},
        words,
    },
    proto::Maintenance,
};

impl Render for Maintenance {
    fn render(&self, page: &mut Page) {
        if !self.active {
            page.line(&format!("{}: maintenance mode is off", self.database));
            return;
        }
        page.line(&format!("{}: maintenance mode is on", self.database));
        page.fields(&[
            ("reason", self.reason.clone()),
            ("entered by", self.principal.clone()),
            ("since", words::time(self.enter_time.as_ref())),
            ("ends by itself", words::time(self.expire_time.as_ref())),
            ("sessions ended", self.ended_sessions.to_string()),
            ("other sessions", self.other_sessions.to_string()),
        ]);
        if !self.sessions.is_empty() {
            page.gap();
            let rows = self.sessions.iter().map(|session| {
                [
                    session.pid.to_string(),
                    session.role.clone(),
                    session.state.clone(),
                    words::time(session.state_time.as_ref()),
                    session.application.clone(),
                ]
            });
            page.table(["process", "role", "state", "since", "program"], rows, "");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::page::rendered;

    #[test]
    fn the_mode_reads_as_one_line_when_off_and_has_its_reason_when_on() {
        let mut maintenance = Maintenance {
            database: "app".to_owned(),
            ..Maintenance::default()
        };
        assert_eq!(rendered(&maintenance), "app: maintenance mode is off\n");
        maintenance.active = true;
        maintenance.reason = "INC-7".to_owned();
        let text = rendered(&maintenance);
        assert!(
            text.starts_with("app: maintenance mode is on\nreason:          INC-7\n"),
            "{text}"
        );
    }
}
