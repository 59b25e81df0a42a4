//! What makes two schemas fit each other's rows.

use super::model::{Column, Kind, Model, Value};

/// Takes from both what the rows of the other would not fit, or what SQL does not take.
pub(super) fn settle(old: &mut Model, new: &mut Model) {
    for pass in [settle_types, settle_nulls, settle_parts] {
        let (before, after) = (old.clone(), new.clone());
        pass(old, &after);
        pass(new, &before);
    }
}

/// Where values would not go over, both columns are text.
fn settle_types(model: &mut Model, other: &Model) {
    let whole = model.clone();
    for table in &mut model.tables {
        for column in &mut table.columns {
            let differs = counterpart(other, &table.name, &column.name).is_some_and(|there| {
                family(whole.base(&column.kind)) != family(other.base(&there.kind))
            });
            if differs {
                "text".clone_into(&mut column.kind);
            }
        }
    }
}

/// What is new where rows are can only be NOT NULL where it has values by itself.
fn settle_nulls(model: &mut Model, other: &Model) {
    let whole = model.clone();
    for (table, of_whole) in model.tables.iter_mut().zip(&whole.tables) {
        for column in table
            .columns
            .iter_mut()
            .filter(|column| column.name != "id")
        {
            if matches!(column.value, Value::Identity(_) | Value::Serial) {
                column.not_null = whole.fills_itself(of_whole, column);
            } else if column.not_null {
                let there = counterpart(other, &table.name, &column.name);
                let same = there.is_some_and(|there| there.not_null && there.value == column.value);
                column.not_null = same || there.is_none() && whole.fills_itself(of_whole, column);
            }
        }
    }
}

/// What is unique or refers elsewhere is so on columns whose rows hold that.
fn settle_parts(model: &mut Model, other: &Model) {
    let whole = model.clone();
    for (table, of_whole) in model.tables.iter_mut().zip(&whole.tables) {
        if other.table(&table.name).is_none() {
            continue;
        }
        table.parts.retain(|part| {
            let columns = whole.columns(of_whole).into_iter();
            let mut columns = columns.filter(|column| column.name == part.column);
            let there = counterpart(other, &table.name, &part.column);
            let unique = columns.next().zip(there).is_some_and(|(own, there)| {
                distinct(whole.base(&own.kind))
                    && own.kind == there.kind
                    && own.value == there.value
            });
            match &part.kind {
                Kind::Unique | Kind::UniqueIndex => unique,
                Kind::Foreign { to, .. } => unique && other.table(to).is_some(),
                _ => true,
            }
        });
    }
}

fn counterpart<'a>(other: &'a Model, table: &str, column: &str) -> Option<&'a Column> {
    let table = other.table(table)?;
    other
        .columns(table)
        .into_iter()
        .find(|each| each.name == column)
}

fn distinct(base: &str) -> bool {
    !matches!(base, "enum" | "composite")
}

/// Types whose values go over to each other.
fn family(base: &str) -> usize {
    match base {
        "enum" => 1,
        "composite" => 2,
        "text[]" => 3,
        "date" | "timestamptz" => 4,
        _ => 5,
    }
}
