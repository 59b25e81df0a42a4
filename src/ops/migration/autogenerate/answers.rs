//! What a request says of tables and columns that may have got another name, and what is to be said of those of which it
//! says nothing.

use crate::model::{
    autogenerate::{Candidate, Decisions, Facts},
    failure::{Failure, Kind, PreconditionViolation},
    schema::{ObjectKey, ObjectKind, Schema},
};

/// The reason of the refusal that asks for answers.
const UNDECIDED: &str = "RENAME_UNDECIDED";

/// How many candidates a refusal lists.
const LISTED: usize = 1000;

/// All that a request says, with what became of it.
pub(super) struct Answers(Vec<Answer>);

struct Answer {
    /// As it was given.
    said: String,
    /// The identity by now: a column goes with its table.
    old: String,
    /// The new identity; none for what is meant to go.
    new: Option<String>,
    /// Whether it spoke of something that differs.
    used: bool,
}

impl Answers {
    /// Reads the fields of a request.
    pub(super) fn read(renames: &[String], drops: &[String]) -> Result<Self, Failure> {
        let mut answers = Vec::new();
        for said in renames {
            let (old, new) = rename(said).ok_or_else(|| {
                Failure::invalid_field(
                    "renames",
                    format!(
                        "{said:?} is not `old=new` with the names of tables or columns as messages have them, e.g. \
                         public.orders.total=amount"
                    ),
                )
            })?;
            answers.push((said, old, Some(new)));
        }
        for said in drops {
            if !(2..=3).contains(&parts(said).len()) {
                return Err(Failure::invalid_field(
                    "drops",
                    format!(
                        "{said:?} is not the name of a table or column as messages have it, e.g. public.orders.total"
                    ),
                ));
            }
            answers.push((said, said.clone(), None));
        }
        let mut all = Self(Vec::new());
        for (said, old, new) in answers {
            if all.0.iter().any(|other| other.old == old) {
                let field = if new.is_some() { "renames" } else { "drops" };
                return Err(Failure::invalid_field(
                    field,
                    format!("{old} is spoken of twice"),
                ));
            }
            all.0.push(Answer {
                said: said.clone(),
                old,
                new,
                used: false,
            });
        }
        Ok(all)
    }

    /// What it comes to.
    pub(super) fn decisions(&self) -> Decisions {
        let mut decisions = Decisions::default();
        for answer in &self.0 {
            match &answer.new {
                Some(new) => {
                    decisions.renames.insert(answer.old.clone(), new.clone());
                }
                None => {
                    decisions.drops.insert(answer.old.clone());
                }
            }
        }
        decisions
    }

    /// Notes which answers speak of something that differs between these schemas.
    pub(super) fn look(&mut self, from: &Facts, to: &Facts) {
        for answer in &mut self.0 {
            let gone =
                named(&from.schema, &answer.old).any(|kind| !has(&to.schema, kind, &answer.old));
            let came = answer
                .new
                .as_ref()
                .is_none_or(|new| named(&to.schema, new).any(|kind| !has(&from.schema, kind, new)));
            answer.used |= gone && came;
        }
    }

    /// Lets what is said of columns follow the tables that were renamed meanwhile.
    pub(super) fn follow(&mut self, before: &Facts, after: &Facts) {
        let tables: Vec<(String, String)> = self
            .0
            .iter()
            .filter_map(|answer| Some((answer.old.clone(), answer.new.clone()?)))
            .filter(|(old, new)| {
                named(&before.schema, old)
                    .any(|kind| kind.carries_others() && has(&after.schema, kind, new))
                    && named(&after.schema, old).next().is_none()
            })
            .collect();
        for (old, new) in tables {
            let moved = |name: &String| {
                let rest = name.strip_prefix(&old)?;
                rest.starts_with('.').then(|| format!("{new}{rest}"))
            };
            for answer in &mut self.0 {
                if let Some(name) = moved(&answer.old) {
                    answer.old = name;
                }
                if let Some(name) = answer.new.as_ref().and_then(moved) {
                    answer.new = Some(name);
                }
            }
        }
    }

    /// Refuses answers that spoke of nothing that differs: a typing error would be a loss of rows.
    pub(super) fn require_use(&self) -> Result<(), Failure> {
        let Some(unused) = self.0.iter().find(|answer| !answer.used) else {
            return Ok(());
        };
        let said = &unused.said;
        Err(match unused.new {
            Some(_) => Failure::invalid_field(
                "renames",
                format!("{said} names nothing that goes and nothing that comes in its place"),
            ),
            None => Failure::invalid_field("drops", format!("{said} names nothing that goes")),
        })
    }
}

/// The refusal that asks what became of each candidate.
pub(super) fn undecided(candidates: &[Candidate]) -> Failure {
    let names: Vec<String> = candidates
        .iter()
        .map(|candidate| candidate.dropped.to_string())
        .collect();
    let failure = Failure::new(
        Kind::FailedPrecondition,
        UNDECIDED,
        format!(
            "it is not said whether these were renamed or are to go, while others of the same shape come: {}",
            names.join(", ")
        ),
    )
    .with_hint(
        "say --rename or --drop of each; in a request `renames` takes old=new, and `drops` takes the old name",
    );
    Failure {
        preconditions: candidates.iter().take(LISTED).map(violation).collect(),
        ..failure
    }
}

fn violation(candidate: &Candidate) -> PreconditionViolation {
    let dropped = &candidate.dropped;
    let added: Vec<String> = candidate.added.iter().map(ToString::to_string).collect();
    let renames: Vec<String> = candidate
        .added
        .iter()
        .map(|added| format!("`--rename {}={}`", dropped.identity, short(dropped, added)))
        .collect();
    PreconditionViolation {
        kind: UNDECIDED.to_owned(),
        subject: dropped.to_string(),
        description: format!(
            "is not declared any more, and may be {} now: {} or `--drop {}`",
            added.join(" or "),
            renames.join(" or "),
            dropped.identity
        ),
    }
}

/// The new name as it has to be given: the bare one where all else of it is the same.
fn short<'a>(old: &ObjectKey, new: &'a ObjectKey) -> &'a str {
    let (old, parts) = (parts(&old.identity), parts(&new.identity));
    match (old.split_last(), parts.split_last()) {
        (Some((_, old)), Some((last, parts))) if old == parts => last,
        _ => &new.identity,
    }
}

/// Both identities of `old=new`.
fn rename(said: &str) -> Option<(String, String)> {
    let place = outside_quotes(said).find(|(_, letter)| *letter == '=')?.0;
    let (old, new) = (said[..place].trim(), said[place + 1..].trim());
    let (olds, news) = (parts(old), parts(new));
    let (_, parents) = olds.split_last()?;
    let new = match news.len() {
        count if count == olds.len() => new.to_owned(),
        1 => format!("{}.{new}", parents.join(".")),
        _ => return None,
    };
    let empty = |parts: &[&str]| parts.iter().any(|part| part.is_empty());
    ((2..=3).contains(&olds.len()) && !empty(&olds) && !empty(&news) && new != old)
        .then(|| (old.to_owned(), new))
}

/// The parts of a name, quotes kept.
fn parts(name: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (place, letter) in outside_quotes(name) {
        if letter == '.' {
            parts.push(&name[start..place]);
            start = place + 1;
        }
    }
    parts.push(&name[start..]);
    parts
}

fn outside_quotes(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut quoted = false;
    text.char_indices().filter(move |(_, letter)| {
        quoted ^= *letter == '"';
        !quoted && *letter != '"'
    })
}

fn named<'a>(schema: &'a Schema, identity: &'a str) -> impl Iterator<Item = ObjectKind> + 'a {
    let keys = schema.objects.keys();
    keys.filter(move |key| key.identity == identity)
        .map(|key| key.kind)
}

fn has(schema: &Schema, kind: ObjectKind, identity: &str) -> bool {
    named(schema, identity).any(|other| other == kind)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(renames: &[&str], drops: &[&str]) -> Result<Answers, Failure> {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let (renames, drops): (Vec<String>, Vec<String>) = (owned(renames), owned(drops));
        Answers::read(&renames, &drops)
    }

    fn facts(objects: &[(ObjectKind, &str)]) -> Facts {
        let mut facts = Facts::default();
        for (kind, identity) in objects {
            let identity = (*identity).to_owned();
            let key = ObjectKey {
                kind: *kind,
                identity,
            };
            facts
                .schema
                .objects
                .insert(key, std::collections::BTreeMap::new());
        }
        facts
    }

    #[test]
    fn the_new_name_may_be_the_bare_one_and_quotes_hide_signs() {
        let answers = read(
            &[
                "public.orders.total=amount",
                "public.a=sales.b",
                r#"public."x=y.z"=t"#,
            ],
            &["public.orders.note"],
        );
        let decisions = answers.unwrap().decisions();
        let renames: Vec<(&str, &str)> = decisions
            .renames
            .iter()
            .map(|(old, new)| (old.as_str(), new.as_str()))
            .collect();
        assert_eq!(
            renames,
            [
                (r#"public."x=y.z""#, "public.t"),
                ("public.a", "sales.b"),
                ("public.orders.total", "public.orders.amount"),
            ]
        );
        assert!(decisions.drops.contains("public.orders.note"));
    }

    #[test]
    fn what_is_no_pair_of_names_is_refused() {
        for wrong in [
            "public.a",
            "a=b",
            "public.a=",
            "public.a.b=c.d",
            "public.a=a",
            ".a=b",
        ] {
            assert!(read(&[wrong], &[]).is_err(), "{wrong}");
        }
        assert!(read(&[], &["a"]).is_err());
        assert!(read(&["public.a=b"], &["public.a"]).is_err());
    }

    #[test]
    fn what_is_said_of_columns_follows_their_table() {
        let mut answers = read(&["public.a=b", "public.a.x=y"], &[]).unwrap();
        let before = facts(&[
            (ObjectKind::Table, "public.a"),
            (ObjectKind::Column, "public.a.x"),
        ]);
        let after = facts(&[
            (ObjectKind::Table, "public.b"),
            (ObjectKind::Column, "public.b.x"),
        ]);
        let wanted = facts(&[
            (ObjectKind::Table, "public.b"),
            (ObjectKind::Column, "public.b.y"),
        ]);
        answers.look(&before, &wanted);
        assert!(answers.require_use().is_err());
        answers.follow(&before, &after);
        answers.look(&after, &wanted);
        answers.require_use().unwrap();
        assert_eq!(answers.decisions().renames["public.b.x"], "public.b.y");
    }

    #[test]
    fn a_candidate_is_asked_about_with_both_ways_out() {
        let key = |identity: &str| ObjectKey {
            kind: ObjectKind::Column,
            identity: identity.to_owned(),
        };
        let failure = undecided(&[Candidate {
            dropped: key("public.orders.total"),
            added: vec![key("public.orders.amount")],
        }]);
        assert_eq!(
            failure.preconditions[0].subject,
            "column public.orders.total"
        );
        assert_eq!(
            failure.preconditions[0].description,
            "is not declared any more, and may be column public.orders.amount now: \
             `--rename public.orders.total=amount` or `--drop public.orders.total`"
        );
    }
}
