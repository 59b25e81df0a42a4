"""Tells pgsteward what an Alembic project holds: one JSON object in a line for the project and one for each revision.

Run as `python -c <this text> INI SECTION` in the directory of the project, by an interpreter that has Alembic and all
that the project's own env.py imports. The project's env.py is run once, in Alembic's offline mode; where it calls
context.run_migrations(), every revision's upgrade() and downgrade() is called instead, each with a record of its own.
Nothing is asked of a database: what a revision wants to read from one becomes a problem that is reported.
"""

import os
import sys

# The answers go where standard output leads; what the project prints must not come between them.
ANSWERS = os.fdopen(os.dup(1), "w", encoding="ascii")
os.dup2(2, 1)
# Python puts the working directory first, where the project may well have a directory called `alembic`.
sys.path[:] = [path for path in sys.path if path]
sys.dont_write_bytecode = True

import argparse
import contextlib
import datetime
import inspect
import json
import math
import re
import traceback


def answer(kind, **values):
    ANSWERS.write(json.dumps({kind: values}) + "\n")
    ANSWERS.flush()


def fail(message, hint=""):
    answer("failure", message=message, hint=hint)
    sys.exit(1)


def told(error):
    text = str(error).strip()
    return "%s: %s" % (type(error).__name__, text) if text else type(error).__name__


try:
    import alembic
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from sqlalchemy import inspection
    from sqlalchemy import text as sql_text
    from sqlalchemy.dialects.postgresql.base import PGDialect
    from sqlalchemy.engine import make_url
    from sqlalchemy.engine.mock import MockConnection
    from sqlalchemy.exc import CompileError
    from sqlalchemy.schema import DDLElement
    from sqlalchemy.sql.dml import ValuesBase
    from sqlalchemy.sql.elements import TextClause
except ImportError as error:
    fail(
        "%s has no usable Alembic: %s" % (sys.executable, error),
        "name the interpreter of the project's environment with --python, such as .venv/bin/python",
    )


class NeedsDatabase(Exception):
    """A revision wants what only a database can tell."""


class Record:
    """What one direction of one revision does."""

    def __init__(self, path):
        self.path = path
        self.statements = []
        self.autocommit = False
        # Kept apart from being raised: a revision may catch what it provokes.
        self.problem = None
        self.notes = []

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)

    def is_asked(self):
        """True when the revision itself calls the function that asks this."""
        return sys._getframe(2).f_code.co_filename == self.path

    def doubt(self, what):
        self.problem = self.problem or what

    def needs_database(self, what):
        self.doubt(what)
        raise NeedsDatabase(what)

    def sql(self):
        return "\n\n".join(terminated(statement) for statement in self.statements)


def terminated(statement):
    # A semicolon behind a comment would be part of it.
    if "--" in statement.rpartition("\n")[2]:
        return statement + "\n;"
    return statement if statement.endswith(";") else statement + ";"


class Unread:
    """The result of a statement that did not run. Only not to look at it is allowed."""

    def __init__(self, record, statement):
        self.__dict__.update(_record=record, _statement=" ".join(statement.split())[:200])

    def _refuse(self, *_, **__):
        self._record.needs_database("it reads the result of: %s" % self._statement)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self._refuse()

    def close(self):
        pass

    __iter__ = __len__ = __bool__ = __getitem__ = __enter__ = __exit__ = _refuse


class OfflineConnection(MockConnection):
    """What op.get_bind() gives. Statements are recorded with their parameters written into them."""

    def __init__(self, context):
        # Not the parent's: in SQLAlchemy 1.4 it hides execute() behind an attribute.
        self._dialect = context.dialect
        self._context = context

    def __getattr__(self, name):
        # Alembic itself asks for some that it can do without.
        if not name.startswith("_") and self._context.recording.is_asked():
            self._context.recording.doubt("it uses %s of the database connection" % name)
        raise AttributeError(name)

    def execute(self, statement, parameters=None, execution_options=None, **named):
        if isinstance(statement, str):
            return self.exec_driver_sql(statement, parameters)
        rows = parameters or named or None
        unread = None
        for row in rows if isinstance(rows, (list, tuple)) else [rows]:
            unread = self._context.record_statement(self._with_parameters(statement, row))
        return unread

    def _with_parameters(self, statement, row):
        if not row:
            return statement
        try:
            if isinstance(statement, ValuesBase):
                return statement.values(**row)
            if isinstance(statement, TextClause):
                return statement.bindparams(**row)
            return statement.params(row)
        except Exception as error:
            self._context.recording.doubt(told(error))
            raise

    def exec_driver_sql(self, statement, parameters=None, execution_options=None):
        if parameters or "%" in statement:
            self._context.recording.needs_database("it leaves parameters or percent signs to the database's driver")
        # No sql_text(): a colon has no meaning to a driver.
        return self._context.record_text(statement)

    def scalar(self, statement, parameters=None, **_):
        return self.execute(statement, parameters)._refuse()

    scalars = scalar

    def _run_ddl_visitor(self, visitorcallable, element, **kw):
        if kw.get("checkfirst"):
            self._context.recording.note(
                "asks whether objects exist before it makes or drops them; the SQL does so without asking"
            )
        return super()._run_ddl_visitor(visitorcallable, element, **kw)


@getattr(inspection, "_inspects", lambda kind: lambda function: function)(OfflineConnection)
def inspected(connection):
    connection._context.recording.needs_database("it inspects the database")


class OfflineContext(MigrationContext):
    """Alembic's own context in offline mode, but for where the SQL goes."""

    def __init__(self, dialect, opts, environment):
        self.recording = self.outside = Record(None)
        super().__init__(dialect, None, opts, environment)
        self.connection = self.impl.connection = OfflineConnection(self)
        # Alembic's own writes tabs as four blanks, in strings too.
        self.impl._exec = self._exec
        self.impl.static_output = self._static_output

    @property
    def as_sql(self):
        # A revision that asks may do less offline than it would do to a database.
        if self.recording.is_asked():
            self.recording.note(ASKS_WHETHER_OFFLINE)
        return True

    @as_sql.setter
    def as_sql(self, value):
        pass

    def _exec(self, construct, execution_options=None, multiparams=None, params=None):
        if multiparams or params:
            raise TypeError("SQL parameters not allowed with as_sql")
        return self.record_statement(construct)

    def record_statement(self, construct):
        if isinstance(construct, str):
            construct = sql_text(construct)
        keywords = {} if isinstance(construct, DDLElement) else {"compile_kwargs": {"literal_binds": True}}
        try:
            statement = str(construct.compile(dialect=self.dialect, **keywords))
        except Exception as error:
            self.recording.doubt(told(error))
            raise
        return self.record_text(statement)

    def record_text(self, statement):
        statement = statement.strip()
        if statement:
            self.recording.statements.append(statement)
        return Unread(self.recording, statement)

    def _static_output(self, statement):
        # Outside of revisions these are the transaction around them, which is the runner's part.
        if self.recording is not self.outside or statement.strip(";\n ") not in ("BEGIN", "COMMIT"):
            self.record_text(statement)

    @contextlib.contextmanager
    def autocommit_block(self):
        self.recording.autocommit = True
        yield

    def run_migrations(self, **kw):
        if ran:
            fail(
                "env.py runs the migrations more than once",
                "one import is for one database; let env.py choose by the ini file's section, and name it with --name",
            )
        ran.append(self)
        self.impl.start_migrations()
        created = creation_times()
        for script in reversed(SCRIPTS):
            steps = {direction: self.step(script, direction, kw) for direction in ("upgrade", "downgrade")}
            answer("revision", **described(script, created[script.revision], steps))

    def step(self, script, direction, kw):
        self.recording = record = Record(script.path)
        # Types that another revision has made are none of this one's business.
        self.impl.memo.clear()
        irreversible = False
        function = getattr(script.module, direction, None)
        try:
            if function is None:
                irreversible = direction == "downgrade"
                record.problem = None if irreversible else "it has no function upgrade()"
            else:
                function(**kw)
        except (Exception, SystemExit) as error:
            frames = traceback.extract_tb(error.__traceback__)
            own = [frame for frame in frames if frame.filename == script.path]
            if direction == "downgrade" and isinstance(error, NotImplementedError) and frames[-1:] == own[-1:]:
                irreversible = True
            else:
                record.doubt(told(error))
                record.problem += " (line %d)" % own[-1].lineno if own else ""
        self.recording = self.outside
        return {
            "sql": record.sql(),
            "problem": record.problem,
            "irreversible": irreversible,
            "autocommit": record.autocommit,
            "notes": record.notes,
        }


class LiteralCompiler(PGDialect.statement_compiler):
    """Writes the values as literals for which SQLAlchemy has none: JSON and such, bytes, NaN."""

    def render_literal_bindparam(self, bindparam, **kw):
        # None in a JSON column is the JSON null, as it is when the database's driver binds it.
        if bindparam.value is None and bindparam.callable is None and bindparam.type.should_evaluate_none:
            return self.render_literal_value(None, bindparam.type)
        return super().render_literal_bindparam(bindparam, **kw)

    def render_literal_value(self, value, type_):
        if isinstance(value, (bytes, bytearray, memoryview)):
            return "'\\x%s'" % bytes(value).hex()
        if isinstance(value, float) and not math.isfinite(value):
            return "'%s'" % value
        try:
            return super().render_literal_value(value, type_)
        except CompileError:
            processor = type_.dialect_impl(self.dialect).bind_processor(self.dialect)
            value = processor(value) if processor else value
            if isinstance(value, (datetime.date, datetime.time)):
                # Of which SQLAlchemy 1.4 has no literals.
                value = str(value)
            if value is None:
                return "NULL"
            if not isinstance(value, str):
                raise
            return "'%s'" % value.replace("'", "''")


ASKS_WHETHER_OFFLINE = "asks whether it runs offline; compare its SQL with the Python file"


def offline_context(
    connection=None, url=None, dialect_name=None, dialect=None, environment_context=None, dialect_opts=None, opts=None
):
    """In place of MigrationContext.configure(), whatever connection env.py may have opened."""
    if connection is not None:
        name = connection.dialect.name
    elif url:
        name = make_url(url).get_backend_name()
    else:
        name = dialect.name if dialect else dialect_name or "postgresql"
    if name != "postgresql":
        fail("the project is for %s, not for PostgreSQL" % name)
    # Named parameters, since with others SQLAlchemy doubles percent signs; standard_conforming_strings is on.
    postgresql = PGDialect(paramstyle="named")
    postgresql._backslash_escapes = False
    postgresql.statement_compiler = LiteralCompiler
    opts = dict(opts or {}, as_sql=True, output_buffer=sys.stderr)
    return OfflineContext(postgresql, opts, environment_context)


def is_offline_mode():
    if ran and ran[0].recording is not ran[0].outside:
        ran[0].recording.note(ASKS_WHETHER_OFFLINE)
    return True


def names(value):
    return [] if value is None else [value] if isinstance(value, str) else list(value)


def described(script, created, steps):
    return {
        "revision": script.revision,
        "down_revisions": names(script.down_revision),
        "branch_labels": names(getattr(script.module, "branch_labels", None)),
        "depends_on": names(getattr(script.module, "depends_on", None)),
        "message": (script.longdoc.splitlines() or [""])[0],
        "created": created.isoformat(),
        "path": os.path.relpath(script.path),
        "upgrade": steps["upgrade"],
        "downgrade": steps["downgrade"],
    }


def creation_times():
    """A revision's own Create Date. Without one, its file's time, but a minute before all that follow it."""
    times = {}
    follower = {}
    for script in SCRIPTS:
        stated = re.search(r"^Create Date:\s*(\S.*?)\s*$", script.longdoc, re.MULTILINE)
        time = stated and parsed(stated.group(1))
        if time is None:
            time = datetime.datetime.fromtimestamp(int(os.path.getmtime(script.path)), datetime.timezone.utc)
            if script.revision in follower:
                time = min(time, follower[script.revision] - datetime.timedelta(minutes=1))
        times[script.revision] = time
        for below in script._all_down_revisions:
            follower[below] = min(time, follower.get(below, time))
    return times


def parsed(text):
    try:
        time = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return time.astimezone(datetime.timezone.utc) if time.tzinfo else time.replace(tzinfo=datetime.timezone.utc)


def configured(ini, section):
    options = {}
    if "toml_file" in inspect.signature(Config).parameters and os.path.exists("pyproject.toml"):
        options["toml_file"] = "pyproject.toml"
    arguments = argparse.Namespace(config=ini, name=section, x=None, sql=True, tag=None, raiseerr=True)
    return Config(ini, ini_section=section, stdout=sys.stderr, cmd_opts=arguments, **options)


def run(ini, section):
    global SCRIPTS
    # As `python -m alembic` would have it, but behind all that is installed.
    sys.path.append(os.getcwd())
    try:
        config = configured(ini, section)
        directory = ScriptDirectory.from_config(config)
        SCRIPTS = list(directory.walk_revisions())
    except Exception as error:
        traceback.print_exc()
        fail("Alembic cannot read the project's revisions: %s" % told(error), "see whether `alembic history` works there")
    MigrationContext.configure = staticmethod(offline_context)
    environment = EnvironmentContext(config, directory, fn=lambda heads, context: [], as_sql=True)
    environment.is_offline_mode = is_offline_mode
    try:
        with environment:
            directory.run_env()
    except Exception as error:
        traceback.print_exc()
        fail(
            "env.py failed: %s" % told(error),
            "--python must name an interpreter that has all that env.py imports, and this command the variables of the "
            "environment that it reads",
        )
    if not ran:
        fail("env.py did not call context.run_migrations() in offline mode", "see whether `alembic upgrade head --sql` works there")
    context = ran[0]
    answer(
        "project",
        version_table=context.version_table,
        version_table_schema=context.version_table_schema,
        statements=context.outside.statements,
    )


SCRIPTS = []
# The context for which the migrations ran.
ran = []
run(*sys.argv[1:3])
