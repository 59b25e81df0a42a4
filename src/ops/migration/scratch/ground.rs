//! The ground on which a chain, or a declared schema, is built: what the live database had before any revision ran. It is
//! read once, for as many scratch databases as stand on it.

use std::collections::BTreeSet;

use super::{Chain, Scratch, dump, unavailable};
use crate::{
    model::{
        failure::Failure,
        schema_dump::{self, Ground},
    },
    ops::daemon::{Daemon, Managed},
    postgres::{database::Purpose, quote::identifier, scratch},
    tools::pg_dump::SchemaPart,
};

/// What the live database says of its ground.
pub(in crate::ops::migration) struct LiveGround {
    dump: String,
    /// Its extensions, each with its schema, as SQL writes their names.
    extensions: Vec<(String, String)>,
    left_out: Vec<String>,
    /// The extensions that the migrator may not create, as dumps name them.
    of_superusers: Vec<String>,
}

impl LiveGround {
    /// Reads it.
    pub(in crate::ops::migration) async fn read(
        daemon: &Daemon,
        managed: &Managed,
    ) -> Result<Self, Failure> {
        let read = async {
            let live = managed
                .database
                .session(Purpose::Admin, "pgsteward copy")
                .await?;
            let left_out = scratch::not_copied(&live).await?;
            let extensions = scratch::extensions(&live).await?;
            live.close().await;
            let migrator = managed
                .database
                .session(Purpose::Migrator, "pgsteward copy")
                .await?;
            let of_superusers = scratch::extensions_of_superusers(&migrator).await?;
            migrator.close().await;
            Ok(Self {
                dump: dump(daemon, managed, SchemaPart::WithoutTables).await?,
                extensions,
                left_out,
                of_superusers,
            })
        };
        read.await.map_err(|failure| unavailable(managed, failure))
    }

    /// Gives an empty scratch database what the live one had before any revision: owner and privileges of its schema
    /// `public`, default privileges, extensions. What the scripts of the chain make of these is left to them, privileges of
    /// `public` to any text that speaks of it, and extensions that a `declared` text makes to that, unless only a superuser
    /// can: IF NOT EXISTS finds them there. It is dropped where that fails.
    pub(in crate::ops::migration) async fn prepare<'a>(
        &self,
        managed: &Managed,
        chain: &Chain<'_>,
        declared: impl Iterator<Item = &str>,
        scratch: Scratch<'a>,
    ) -> Result<Scratch<'a>, Failure> {
        let ground = self.under(managed, chain, declared);
        let laid = async {
            let statements = schema_dump::ground(&self.dump, &ground)?;
            scratch.load(&statements).await
        };
        let laid = laid.await;
        scratch.or_dropped(laid).await
    }

    fn under<'t>(
        &self,
        managed: &Managed,
        chain: &Chain<'_>,
        declared: impl Iterator<Item = &'t str>,
    ) -> Ground {
        // Also what a DO block hides is in the text, as a rule.
        let scripts = chain.scripts().map(|script| plain(&script.upgrade_sql));
        let texts: Vec<String> = scripts.collect();
        let declared: Vec<String> = declared.map(plain).collect();
        let made = |texts: &[String]| -> BTreeSet<String> {
            let made = texts.iter().flat_map(|text| extensions_made(text));
            made.map(str::to_owned).collect()
        };
        let (by_scripts, by_declared) = (made(&texts), made(&declared));
        let mut ground = Ground {
            schemas: vec!["public".to_owned(), written(&managed.version_table.schema)],
            extensions: Vec::new(),
            default_privileges: !texts
                .iter()
                .any(|text| text.contains("alter default privileges")),
            privileges_of_public: !texts
                .iter()
                .chain(&declared)
                .any(|text| text.contains("schema public")),
        };
        for (name, schema) in &self.extensions {
            let object = format!("EXTENSION {name}");
            let bare = name.trim_matches('"').to_lowercase();
            let declared = by_declared.contains(&bare) && !self.of_superusers.contains(&object);
            if !self.left_out.contains(&object) && !by_scripts.contains(&bare) && !declared {
                ground.schemas.push(schema.clone());
                ground.extensions.push(name.clone());
            }
        }
        ground.schemas.sort();
        ground.schemas.dedup();
        ground
    }
}

/// In lower case and with single blanks.
fn plain(text: &str) -> String {
    let text = text.to_lowercase();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The names of the extensions that a plain text creates.
fn extensions_made(text: &str) -> impl Iterator<Item = &str> {
    const CREATE: &str = "create extension ";
    text.match_indices(CREATE).map(|(place, _)| {
        let rest = &text[place + CREATE.len()..];
        let rest = rest.strip_prefix("if not exists ").unwrap_or(rest);
        let rest = rest.trim_start_matches(['"', '\'']);
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '-');
        &rest[..end.unwrap_or(rest.len())]
    })
}

/// A name as pg_dump writes it: in quotes only where it needs them.
fn written(name: &str) -> String {
    let plain = name
        .chars()
        .enumerate()
        .all(|(place, c)| c == '_' || c.is_ascii_lowercase() || place > 0 && c.is_ascii_digit());
    if plain {
        name.to_owned()
    } else {
        identifier(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_created_is_a_scripts_own() {
        let text = "create extension pg_trgm; create extension if not exists \"uuid-ossp\" with schema public; \
                    create table t (a citext); do $$ begin execute 'create extension hstore'; end $$";
        let made: Vec<&str> = extensions_made(text).collect();
        assert_eq!(made, ["pg_trgm", "uuid-ossp", "hstore"]);
    }
}
