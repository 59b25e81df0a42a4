//! Random schemas and random changes of them.

use super::{
    alter::alter,
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
pub(super) const LABELS: [&str; 5] = ["a", "b", "c", "d", "e"];

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

pub(super) fn kind(model: &Model, dice: &mut Dice) -> String {
    let mut own: Vec<&String> = model.enums.iter().map(|each| &each.name).collect();
    own.extend(model.domains.iter().map(|each| &each.name));
    own.extend(model.composites.iter().map(|each| &each.name));
    if !own.is_empty() && dice.chance(40) {
        return dice.pick(&own).clone();
    }
    dice.pick(&TYPES).to_owned()
}

pub(super) fn function(model: &Model, dice: &mut Dice) -> Option<String> {
    let names: Vec<&String> = model.functions.iter().map(|each| &each.name).collect();
    (!names.is_empty()).then(|| dice.pick(&names).clone())
}

pub(super) fn value(model: &Model, dice: &mut Dice, table: &Table) -> Value {
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

pub(super) fn part(model: &Model, dice: &mut Dice, table: &Table) -> Option<Part> {
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
    for _ in 0..=dice.roll(4) {
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

pub(super) fn remove<T>(from: &mut Vec<T>, dice: &mut Dice) {
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
