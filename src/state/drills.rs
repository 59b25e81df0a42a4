//! The `drills` table: what rehearsal restores said of backups.

use uuid::Uuid;

use super::{ControlStore, from_json, to_json};
use crate::{
    model::{drill::Drill, failure::Failure, page::Page},
    postgres::error::PostgresError,
};

/// The last drills of a database.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LastDrills {
    /// The last one, whatever its verdict.
    pub last: Option<Drill>,
    /// The last one that passed.
    pub last_good: Option<Drill>,
}

impl ControlStore {
    /// Records a drill. The first record of an operation's drill stands.
    pub async fn insert_drill(&self, drill: &Drill) -> Result<(), PostgresError> {
        let client = self.client().await?;
        client
            .execute(
                "INSERT INTO drills (operation, database, filename, verdict, ended_at, report)
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (operation) DO NOTHING",
                &[
                    &drill.operation_id,
                    &drill.database,
                    &drill.filename,
                    &drill.verdict.name(),
                    &drill.end_time,
                    &to_json("the drill", drill)?,
                ],
            )
            .await
            .map(|_| ())
            .map_err(PostgresError::query("record the drill"))
    }

    /// Drills of these managed databases, or of all, newest first, and the token of the next page.
    pub async fn drills(
        &self,
        databases: Option<&[String]>,
        page: &Page,
    ) -> Result<(Vec<Drill>, Option<String>), Failure> {
        let after = match &page.after {
            None => None,
            Some(token) => Some(token.parse::<Uuid>().map_err(|_| Page::stale())?),
        };
        let limit = i64::try_from(page.size + 1).unwrap_or(i64::MAX);
        let client = self.client().await?;
        let rows = client
            .query(
                "SELECT report FROM drills
                 WHERE ($1::text[] IS NULL OR database = ANY ($1)) AND ($2::uuid IS NULL OR operation < $2)
                 ORDER BY operation DESC LIMIT $3",
                &[&databases, &after, &limit],
            )
            .await
            .map_err(PostgresError::query("list the drills"))?;
        let mut drills = rows
            .into_iter()
            .map(|row| from_json("a drill", row.get(0)))
            .collect::<Result<Vec<Drill>, _>>()?;
        let more = drills.len() > page.size;
        drills.truncate(page.size);
        let next = drills
            .last()
            .filter(|_| more)
            .map(|drill| drill.operation_id.to_string());
        Ok((drills, next))
    }

    /// The last drill of a managed database, and the last that passed.
    pub async fn last_drills(&self, database: &str) -> Result<LastDrills, PostgresError> {
        let client = self.client().await?;
        let rows = client
            .query(
                "(SELECT false, report FROM drills WHERE database = $1 ORDER BY operation DESC LIMIT 1)
                 UNION ALL
                 (SELECT true, report FROM drills WHERE database = $1 AND verdict = 'PASSED'
                  ORDER BY operation DESC LIMIT 1)",
                &[&database],
            )
            .await
            .map_err(PostgresError::query("read the last drills"))?;
        let mut drills = LastDrills::default();
        for row in rows {
            let drill = from_json("a drill", row.get(1))?;
            if row.get(0) {
                drills.last_good = Some(drill);
            } else {
                drills.last = Some(drill);
            }
        }
        Ok(drills)
    }
}
