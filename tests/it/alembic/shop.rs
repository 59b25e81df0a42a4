//! The Alembic project of these tests: two bases in two directories, branches, a merge, a dependency, and most of what
//! an import can stumble over.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use pgsteward::model::revision::{Graph, Script};

use crate::support::{
    alembic::{Project, python},
    database::Databases,
};

pub(crate) const TABLES: &str = "c0000001";
pub(crate) const FUNCTION: &str = "c0000002";
pub(crate) const COLUMNS: &str = "c0000003";
pub(crate) const INDEX: &str = "c0000004";
pub(crate) const MERGE: &str = "c0000005";
pub(crate) const SCHEMA: &str = "c0000006";
pub(crate) const BILLS: &str = "b0000001";
/// The one that reads the database.
pub(crate) const COUNTS: &str = "b0000002";

/// What a person writes for [`COUNTS`].
pub(crate) const COUNTS_BY_HAND: &str =
    "INSERT INTO bills (id, note) SELECT count(*), 'from % customers' FROM customers;";

const INI: &str = "[alembic]
script_location = %(here)s/alembic
version_locations = %(here)s/alembic/versions %(here)s/billing
path_separator = space
";

pub(crate) const ENV: &str = r#"
import os
from alembic import context
from sqlalchemy import create_engine

print("env.py says something on standard output.")

if context.is_offline_mode():
    context.configure(url=os.environ["DATABASE_URL"])
    with context.begin_transaction():
        context.run_migrations()
else:
    with create_engine(os.environ["DATABASE_URL"]).connect() as connection:
        context.configure(connection=connection, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
"#;

/// Each with its file below the project's directory.
const REVISIONS: [(&str, &str); 8] = [
    (
        "alembic/versions/c0000001_tables.py",
        r#""""customers and orders

Revision ID: c0000001
Revises:
Create Date: 2026-01-02 03:04:05.678901

"""
from datetime import datetime
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "c0000001"
down_revision = None
branch_labels = ("shop",)
depends_on = None

def upgrade():
    customers = op.create_table(
        "customers",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(50), server_default="it's 100%", comment="the '%' of a name"),
        sa.Column("mood", sa.Enum("sad", "100% ok", name="mood"), nullable=False),
        sa.Column("facts", postgresql.JSONB),
        sa.Column("seen", sa.DateTime(timezone=True)),
        sa.Column("picture", sa.LargeBinary),
        sa.CheckConstraint("id % 2 = 0", name="even"),
    )
    op.bulk_insert(customers, [
        {"id": 2, "name": "a\\b 50% :x 'q'\ttab", "mood": "100% ok", "facts": {"a": ["%", None]},
         "seen": datetime(2026, 1, 2, 3, 4), "picture": b"\\x00\xff"},
        {"id": 4, "name": None, "mood": "sad", "facts": None, "seen": None, "picture": None},
    ])

def downgrade():
    op.drop_table("customers")
    op.execute("DROP TYPE mood")
"#,
    ),
    (
        "alembic/versions/c0000002_function.py",
        r#""""a function; with semicolons

Create Date: 2026-01-03 00:00:00+02:00
"""
from alembic import op

revision = "c0000002"
down_revision = "c0000001"

def upgrade():
    op.execute("""
        CREATE FUNCTION shout(name text) RETURNS text LANGUAGE plpgsql AS $$
        BEGIN
        	-- a tab; and a semicolon
            RETURN upper(name) || '%';
        END $$""")
    op.execute("UPDATE customers SET name = 'c\\:d' WHERE name LIKE '%q%' -- the end")
    op.execute("UPDATE customers SET name = name || ';'")

def downgrade():
    op.execute("DROP FUNCTION shout")
"#,
    ),
    (
        "alembic/versions/c0000003_columns.py",
        r#""""more columns"""
import sqlalchemy as sa
from alembic import op

revision = "c0000003"
down_revision = "c0000002"

def upgrade():
    with op.batch_alter_table("customers") as batch:
        batch.add_column(sa.Column("phone", sa.Text))
        batch.alter_column("name", type_=sa.Text, existing_type=sa.String(50))
    bind = op.get_bind()
    customers = sa.table("customers", sa.column("id", sa.BigInteger), sa.column("phone", sa.Text))
    bind.execute(sa.text("UPDATE customers SET phone = :phone WHERE id = :id"), {"phone": "1:2%", "id": 2})
    bind.execute(customers.update().where(customers.c.id.in_([4])).values(phone="4"))

def downgrade():
    op.drop_column("customers", "phone")
    op.alter_column("customers", "name", type_=sa.String(50))
"#,
    ),
    (
        "alembic/versions/c0000004_index.py",
        r#""""an index

Create Date: 2026-01-05 00:00:00
"""
from alembic import op

revision = "c0000004"
down_revision = "c0000002"
branch_labels = "indexes"

def upgrade():
    with op.get_context().autocommit_block():
        op.create_index("customers_name", "customers", ["name"], postgresql_concurrently=True)

def downgrade():
    with op.get_context().autocommit_block():
        op.drop_index("customers_name", table_name="customers", postgresql_concurrently=True)
"#,
    ),
    (
        "alembic/versions/c0000005_merge.py",
        r#""""join the branches

Create Date: 2026-01-06 00:00:00
"""
revision = "c0000005"
down_revision = ("c0000004", "c0000003")

def upgrade():
    pass

def downgrade():
    pass
"#,
    ),
    (
        "alembic/versions/c0000006_schema.py",
        r#""""a schema of its own

Create Date: 2026-01-07 00:00:00
"""
import sqlalchemy as sa
from alembic import op

revision = "c0000006"
down_revision = "c0000005"

def upgrade():
    op.execute("CREATE SCHEMA audit")
    op.create_table(
        "entries",
        sa.Column("id", sa.Integer, sa.Identity(always=True), primary_key=True),
        sa.Column("customer", sa.BigInteger, sa.ForeignKey("customers.id", ondelete="CASCADE")),
        sa.Column("at", sa.DateTime, server_default=sa.func.now(), nullable=False),
        schema="audit",
        comment="who did what; 100%",
    )
    op.create_index(None, "entries", ["customer"], schema="audit", unique=True, postgresql_where=sa.text("id > 5"))

def downgrade():
    op.drop_table("entries", schema="audit")
    op.execute("DROP SCHEMA audit")
"#,
    ),
    (
        "billing/b0000001_bills.py",
        r#""""bills

Create Date: 2026-01-04 00:00:00
"""
import sqlalchemy as sa
from alembic import op

revision = "b0000001"
down_revision = None
branch_labels = ["billing"]
depends_on = "c0000002"

def upgrade():
    print("a migration says something, too")
    op.create_table("bills", sa.Column("id", sa.BigInteger, nullable=False), sa.Column("note", sa.Text))

def downgrade():
    op.drop_table("bills")
"#,
    ),
    (
        "billing/b0000002_counts.py",
        r#""""count the customers

Create Date: 2026-01-08 00:00:00
"""
import sqlalchemy as sa
from alembic import op

revision = "b0000002"
down_revision = "b0000001"

def upgrade():
    count = op.get_bind().execute(sa.text("SELECT count(*) FROM customers")).scalar()
    op.execute("INSERT INTO bills (id, note) VALUES (%d, 'from %% customers')" % count)

def downgrade():
    raise NotImplementedError("the bills are out")
"#,
    ),
];

/// Writes the project.
pub(crate) fn project(directory: PathBuf, databases: &Databases) -> Project {
    let url = databases.url("migrator", &databases.managed());
    let project = Project::new(directory, url.replacen("://", "+psycopg2://", 1));
    project.write("alembic.ini", INI);
    project.write("alembic/env.py", ENV);
    // Where the working directory came first, this would be taken for Alembic itself.
    project.write("alembic/__init__.py", "");
    for (name, text) in REVISIONS {
        project.write(name, text);
    }
    project
}

/// Runs the import with these words behind the project's directory.
pub(crate) fn import(project: &Project, output: &Path, more: &[&str]) -> Output {
    import_with(python(), project, output, more)
}

/// The same with another interpreter.
pub(crate) fn import_with(
    python: &Path,
    project: &Project,
    output: &Path,
    more: &[&str],
) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pgsteward"))
        .args(["migrate", "import-alembic"])
        .arg(&project.directory)
        .arg("--output")
        .arg(output)
        .arg("--python")
        .arg(python)
        .args(more)
        // Rendering has nothing to do with a database.
        .env(
            "DATABASE_URL",
            "postgresql+asyncpg://nobody@nowhere.invalid/none",
        )
        .env("PGSTEWARD_TOKEN", "not the project's")
        .output()
        .unwrap()
}

/// The graph of a directory's scripts.
pub(crate) fn graph(directory: &Path) -> Graph {
    let scripts = fs::read_dir(directory).unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        path.extension().filter(|end| *end == "sql")?;
        let name = path.file_name().unwrap().to_str().unwrap();
        Some(Script::parse(name, &fs::read_to_string(&path).unwrap()).unwrap())
    });
    Graph::new(scripts.collect()).unwrap()
}

/// What `alembic current` shows for these version rows: the highest applied revision of each branch, also of one that is
/// only there because another one depends on it.
pub(crate) fn current(graph: &Graph, rows: &[String]) -> Vec<String> {
    let applied = graph.applied(rows).unwrap();
    let is_tip = |id: &&String| {
        !graph
            .children(id)
            .iter()
            .any(|above| applied.contains(above))
    };
    applied.iter().filter(is_tip).cloned().collect()
}

/// Does by hand what was left to do.
pub(crate) fn finish(directory: &Path) {
    let script = graph(directory).get(COUNTS).unwrap().clone();
    let path = directory.join(&script.file_name);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(&script.upgrade_sql));
    fs::write(&path, text.replace(&script.upgrade_sql, COUNTS_BY_HAND)).unwrap();
    fs::remove_file(path.with_file_name(format!("{}.todo", script.file_name))).unwrap();
}
