//! Random changes of what is there.

use super::{
    change::{LABELS, function, kind, part, remove, value},
    dice::Dice,
    model::{Kind, Model},
};

/// Alters something that is there.
pub(super) fn alter(model: &mut Model, dice: &mut Dice) {
    let whole = model.clone();
    match dice.roll(14) {
        0 if !model.enums.is_empty() => {
            let place = dice.roll(model.enums.len());
            let labels = &mut model.enums[place].labels;
            if dice.chance(60) {
                let label = dice.pick(&LABELS);
                if !labels.contains(&label) {
                    labels.insert(dice.roll(labels.len() + 1), label);
                }
            } else if dice.chance(50) {
                labels.reverse();
            } else {
                labels.retain(|label| *label == "a" || *label == "b");
            }
        }
        1 if !model.domains.is_empty() => {
            let place = dice.roll(model.domains.len());
            let domain = &mut model.domains[place];
            match dice.roll(4) {
                0 => domain.base = dice.pick(&["integer", "bigint", "numeric"]),
                1 => domain.check = if dice.chance(50) { None } else { Some(7) },
                2 => domain.function = function(&whole, dice),
                _ => domain.default = !domain.default,
            }
        }
        2 if !model.composites.is_empty() => {
            let place = dice.roll(model.composites.len());
            let fields = &mut model.composites[place].fields;
            match dice.roll(3) {
                0 if fields.len() > 1 => drop_last(fields),
                1 => fields[0].1 = dice.pick(&["integer", "bigint", "text"]),
                _ if fields.len() < 3 => fields.push(("z", "date")),
                _ => {}
            }
        }
        3 if !model.functions.is_empty() => {
            let place = dice.roll(model.functions.len());
            let function = &mut model.functions[place];
            match dice.roll(5) {
                0 => function.adds += 1,
                1 => function.result = dice.pick(&["integer", "bigint", "numeric"]),
                2 => function.parameter = dice.pick(&["n", "m"]),
                3 => function.comment = !function.comment,
                _ => function.grant = !function.grant,
            }
        }
        4 if !model.views.is_empty() => {
            let place = dice.roll(model.views.len());
            let view = &mut model.views[place];
            match dice.roll(7) {
                0 => view.filter = if view.filter.is_some() { None } else { Some(2) },
                1 => view.materialized = !view.materialized,
                2 => view.star = !view.star,
                3 => view.function = function(&whole, dice),
                4 => remove(&mut view.columns, dice),
                5 => view.grant = !view.grant,
                _ => view.comment = !view.comment,
            }
        }
        5 if !model.tables.is_empty() => {
            let place = dice.roll(model.tables.len());
            let has_children = |name: &String| {
                whole
                    .tables
                    .iter()
                    .any(|other| other.parent.as_ref() == Some(name))
            };
            let table = &mut model.tables[place];
            match dice.roll(7) {
                0 => table.unlogged = !table.unlogged,
                1 => table.fillfactor = Some(70),
                2 => table.row_security = !table.row_security,
                3 => table.comment = !table.comment,
                4 => {
                    table.grants = vec!["SELECT", "INSERT"]
                        .into_iter()
                        .filter(|_| dice.chance(50))
                        .collect();
                }
                5 if table.partitions.is_some() => {
                    table.partitions = Some(if dice.chance(50) {
                        vec![0, 2]
                    } else {
                        vec![0, 1, 2]
                    });
                }
                5 if table.parent.is_none() && dice.chance(40) && !has_children(&table.name) => {
                    table.partitions = Some(vec![0]);
                }
                6 if table.partitions.is_some() && dice.chance(40) => table.partitions = None,
                6 => {
                    if let Some(parent) =
                        table.parent.take().and_then(|parent| whole.table(&parent))
                    {
                        let own = std::mem::replace(&mut table.columns, parent.columns.clone());
                        table.columns.extend(own);
                    }
                }
                _ => {}
            }
        }
        6 | 7 if !model.tables.is_empty() => {
            let place = dice.roll(model.tables.len());
            let table = &mut model.tables[place];
            if !table.parts.is_empty() {
                let at = dice.roll(table.parts.len());
                let again = part(&whole, dice, &whole.tables[place]);
                let part = &mut table.parts[at];
                let primary = matches!(part.kind, Kind::Primary);
                match (dice.roll(4), again) {
                    (0, _) => part.comment = !part.comment,
                    (1 | 2, _) if primary => {}
                    (1, Some(again)) => part.column = again.column,
                    (2, Some(again)) => part.kind = again.kind,
                    (_, Some(again)) => part.name = again.name,
                    _ => {}
                }
            }
        }
        _ if !model.tables.is_empty() => {
            let place = dice.roll(model.tables.len());
            let own = model.tables[place].columns.len();
            if own < 2 {
                return;
            }
            let at = 1 + dice.roll(own - 1);
            let kind = kind(&whole, dice);
            let value = value(&whole, dice, &whole.tables[place]);
            let column = &mut model.tables[place].columns[at];
            match dice.roll(9) {
                0..=2 => column.kind = kind,
                3 => column.not_null = !column.not_null,
                4 | 5 => column.value = value,
                6 => column.comment = !column.comment,
                7 => column.grant = !column.grant,
                _ => {
                    column.statistics = if column.statistics.is_some() {
                        None
                    } else {
                        Some(77)
                    }
                }
            }
        }
        _ => {}
    }
}

fn drop_last<T>(from: &mut Vec<T>) {
    from.pop();
}
