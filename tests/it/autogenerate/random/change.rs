//! Random schemas and random changes of them.

use super::{
    dice::Dice,
    model::{
        Column, Composite, Domain, Enum, Function, Kind, Model, Part, TYPES, Table, Value, View,
    },
    settle::settle,
};

const NAMES: [&str; 7] = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta"];
const FIELDS: [&str; 8] = [
    "note", "amount", "state", "day", "total", "kind", "place", "code",
];
const ACTIONS: [&str; 5] = [
    "",
    "ON DELETE CASCADE",
    "ON UPDATE CASCADE ON DELETE SET NULL",
    "DEFERRABLE",
    "DEFERRABLE INITIALLY DEFERRED",
];
const METHODS: [&str; 4] = ["btree", "hash", "brin", "gin"];
const EVENTS: [&str; 4] = ["INSERT", "UPDATE OF $", "INSERT OR UPDATE", "DELETE"];
const LABELS: [&str; 5] = ["a", "b", "c", "d", "e"];

/// Two schemas, of which the second is the first after some changes; each loads, and takes the other's rows.
pub(super) fn pair(seed: u64) -> (Model, Model) {
    let mut dice = Dice::new(seed);
    let mut old = Model::default();
    for _ in 0..10 + dice.roll(25) {
        add(&mut old, &mut dice);
    }
    let mut new = old.clone();
    let rounds = dice.pick(&[1, 1, 2, 3, 5, 8, 12]);
    for _ in 0..rounds {
        match dice.roll(10) {
            0..=2 => add(&mut new, &mut dice),
            3 => drop(&mut new, &mut dice),
            _ => alter(&mut new, &mut dice),
        }
    }
    settle(&mut old, &mut new);
    (old, new)
}

fn free<'a>(
    dice: &mut Dice,
    prefix: &str,
    taken: impl Iterator<Item = &'a String>,
) -> Option<String> {
    let name = format!("{prefix}_{}", dice.pick(&NAMES));
    let mut taken = taken;
    (!taken.any(|other| *other == name)).then_some(name)
}

fn kind(model: &Model, dice: &mut Dice) -> String {
    let mut own: Vec<&String> = model.enums.iter().map(|each| &each.name).collect();
    own.extend(model.domains.iter().map(|each| &each.name));
    own.extend(model.composites.iter().map(|each| &each.name));
    if !own.is_empty() && dice.chance(40) {
        return dice.pick(&own).clone();
    }
    dice.pick(&TYPES).to_owned()
}

fn function(model: &Model, dice: &mut Dice) -> Option<String> {
    let names: Vec<&String> = model.functions.iter().map(|each| &each.name).collect();
    (!names.is_empty()).then(|| dice.pick(&names).clone())
}

fn value(model: &Model, dice: &mut Dice, table: &Table) -> Value {
    let other = dice.pick(&model.columns(table)).name.clone();
    match dice.roll(10) {
        0..=2 => Value::None,
        3..=5 => Value::Default(1 + dice.roll(3)),
        6 => function(model, dice).map_or(Value::None, Value::Call),
        7 => Value::Generated(other),
        8 => Value::Identity(if dice.chance(50) {
            "ALWAYS"
        } else {
            "BY DEFAULT"
        }),
        _ => Value::Serial,
    }
}

fn column(model: &Model, dice: &mut Dice, table: &Table) -> Option<Column> {
    let name = dice.pick(&FIELDS).to_owned();
    if model
        .columns(table)
        .iter()
        .any(|column| column.name == name)
    {
        return None;
    }
    let kind = kind(model, dice);
    let value = value(model, dice, table);
    Some(Column {
        name,
        kind,
        not_null: matches!(value, Value::Identity(_) | Value::Serial) || dice.chance(30),
        value,
        comment: dice.chance(10),
        grant: dice.chance(10),
        statistics: dice.chance(10).then_some(50),
    })
}

fn part(model: &Model, dice: &mut Dice, table: &Table) -> Option<Part> {
    let columns = model.columns(table);
    let column = dice.pick(&columns).name.clone();
    let than = 1 + i32::try_from(dice.roll(5)).unwrap();
    let mut others: Vec<&String> = model.tables.iter().map(|other| &other.name).collect();
    others.push(&table.name);
    let kind = match dice.roll(15) {
        0 => Kind::Unique,
        1 => Kind::UniqueIndex,
        2 | 3 => Kind::Check(than),
        4 => Kind::CheckBy(function(model, dice)?),
        5 | 6 => Kind::Foreign {
            to: dice.pick(&others).clone(),
            action: dice.pick(&ACTIONS),
        },
        7 | 8 => Kind::Index(dice.pick(&METHODS)),
        9 => Kind::Partial(than),
        10 => Kind::Computed(function(model, dice)?),
        11 => Kind::Trigger(dice.pick(&EVENTS)),
        12 => Kind::Policy(than),
        13 => Kind::Statistics,
        _ => Kind::Rule,
    };
    let prefix = format!("{}_{}", table.name, dice.roll(3));
    let name = free(dice, &prefix, table.parts.iter().map(|part| &part.name))?;
    Some(Part {
        name,
        column,
        kind,
        comment: dice.chance(15),
    })
}

fn table(model: &Model, dice: &mut Dice) -> Option<Table> {
    let taken = model
        .tables
        .iter()
        .map(|table| &table.name)
        .chain(model.views.iter().map(|view| &view.name));
    let name = free(dice, "t", taken)?;
    let roots: Vec<&Table> = model
        .tables
        .iter()
        .filter(|table| table.parent.is_none() && table.partitions.is_none())
        .collect();
    let parent = (!roots.is_empty() && dice.chance(15)).then(|| dice.pick(&roots).name.clone());
    let partitioned = parent.is_none() && dice.chance(15);
    let id = Column {
        name: "id".to_owned(),
        kind: dice.pick(&["integer", "bigint"]).to_owned(),
        not_null: true,
        value: match dice.roll(4) {
            0 => Value::Identity("ALWAYS"),
            1 => Value::Serial,
            _ => Value::None,
        },
        comment: false,
        grant: false,
        statistics: None,
    };
    let mut table = Table {
        columns: if parent.is_some() {
            Vec::new()
        } else {
            vec![id]
        },
        parts: vec![Part {
            name: format!("{name}_pkey"),
            column: "id".to_owned(),
            kind: Kind::Primary,
            comment: false,
        }],
        name,
        parent,
        partitions: partitioned.then(|| vec![0, 1]),
        unlogged: dice.chance(5),
        fillfactor: None,
        row_security: dice.chance(10),
        comment: dice.chance(10),
        grants: Vec::new(),
    };
    for _ in 0..1 + dice.roll(4) {
        if table.columns.is_empty() {
            break;
        }
        if let Some(column) = column(model, dice, &table) {
            table.columns.push(column);
        }
    }
    for _ in 0..dice.roll(3) {
        if let Some(part) = part(model, dice, &table) {
            table.parts.push(part);
        }
    }
    Some(table)
}

fn view(model: &Model, dice: &mut Dice) -> Option<View> {
    let taken = model
        .tables
        .iter()
        .map(|table| &table.name)
        .chain(model.views.iter().map(|view| &view.name));
    let name = free(dice, "v", taken)?;
    let mut relations: Vec<&String> = model.tables.iter().map(|table| &table.name).collect();
    relations.extend(model.views.iter().map(|view| &view.name));
    if relations.is_empty() {
        return None;
    }
    let of = dice.pick(&relations).clone();
    let columns = model
        .relation_columns(&of)
        .into_iter()
        .map(|(name, _)| name);
    let columns = columns.filter(|_| dice.chance(60)).collect();
    Some(View {
        name,
        of,
        columns,
        filter: dice.chance(40).then_some(1),
        function: if dice.chance(20) {
            function(model, dice)
        } else {
            None
        },
        materialized: dice.chance(25),
        index: dice.chance(50),
        star: dice.chance(15),
        comment: dice.chance(15),
        grant: dice.chance(20),
    })
}

/// Adds something.
fn add(model: &mut Model, dice: &mut Dice) {
    let choice = dice.roll(16);
    if model.tables.is_empty() || choice == 0 {
        model.tables.extend(table(model, dice));
        return;
    }
    let place = dice.roll(model.tables.len());
    match choice {
        1 => {
            if let Some(name) = free(dice, "e", model.enums.iter().map(|each| &each.name)) {
                let mut labels: Vec<_> = LABELS
                    .into_iter()
                    .filter(|label| *label == "a" || dice.chance(60))
                    .collect();
                if dice.chance(30) {
                    labels.reverse();
                }
                model.enums.push(Enum { name, labels });
            }
        }
        2 => {
            if let Some(name) = free(dice, "d", model.domains.iter().map(|each| &each.name)) {
                let function = function(model, dice).filter(|_| dice.chance(30));
                model.domains.push(Domain {
                    name,
                    base: dice.pick(&["integer", "text", "bigint", "numeric"]),
                    check: dice.chance(50).then_some(3),
                    default: dice.chance(20),
                    function,
                });
            }
        }
        3 => {
            if let Some(name) = free(dice, "c", model.composites.iter().map(|each| &each.name)) {
                model.composites.push(Composite {
                    name,
                    fields: vec![("x", "integer"), ("y", "text")],
                });
            }
        }
        4 | 5 => {
            if let Some(name) = free(dice, "f", model.functions.iter().map(|each| &each.name)) {
                model.functions.push(Function {
                    name,
                    adds: 1,
                    result: "bigint",
                    parameter: "n",
                    comment: dice.chance(20),
                    grant: dice.chance(20),
                });
            }
        }
        6 | 7 => model.tables.extend(table(model, dice)),
        8 | 9 => {
            if let Some(column) = column(model, dice, &model.tables[place]) {
                // Children have it already, or get it.
                let name = &model.tables[place].name;
                let of_child = model.tables.iter().any(|table| {
                    table.parent.as_ref() == Some(name)
                        && table.columns.iter().any(|own| own.name == column.name)
                });
                if !of_child {
                    model.tables[place].columns.push(column);
                }
            }
        }
        10..=12 => {
            if let Some(part) = part(model, dice, &model.tables[place]) {
                model.tables[place].parts.push(part);
            }
        }
        _ => model.views.extend(view(model, dice)),
    }
}

fn remove<T>(from: &mut Vec<T>, dice: &mut Dice) {
    if !from.is_empty() {
        from.remove(dice.roll(from.len()));
    }
}

/// Drops something.
fn drop(model: &mut Model, dice: &mut Dice) {
    match dice.roll(9) {
        0 => remove(&mut model.enums, dice),
        1 => remove(&mut model.domains, dice),
        2 => remove(&mut model.composites, dice),
        3 => remove(&mut model.functions, dice),
        4 => remove(&mut model.views, dice),
        choice if !model.tables.is_empty() => {
            let place = dice.roll(model.tables.len());
            if choice == 5 {
                let name = model.tables[place].name.clone();
                if !model
                    .tables
                    .iter()
                    .any(|table| table.parent.as_ref() == Some(&name))
                {
                    model.tables.remove(place);
                }
            } else if choice == 6 {
                remove(&mut model.tables[place].parts, dice);
            } else if model.tables[place].columns.len() > 1 {
                let column = 1 + dice.roll(model.tables[place].columns.len() - 1);
                model.tables[place].columns.remove(column);
            }
        }
        _ => {}
    }
}

/// Alters something that is there.
fn alter(model: &mut Model, dice: &mut Dice) {
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
                        .collect()
                }
                5 if table.partitions.is_some() => {
                    table.partitions = Some(if dice.chance(50) {
                        vec![0, 2]
                    } else {
                        vec![0, 1, 2]
                    })
                }
                5 if table.parent.is_none() && dice.chance(40) && !has_children(&table.name) => {
                    table.partitions = Some(vec![0])
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
