"""Answers, with Alembic's own code, what its commands would do with graphs that exist only as JSON.

One line in, one line out. In: the revisions of a graph and cases of (current rows, command, targets). Out: for each case
the steps and the version table's rows after them, why Alembic refuses, or how it fails while it writes the rows.
"""

import json
import sys
import types
import warnings

from alembic.runtime.migration import HeadMaintainer
from alembic.script import ScriptDirectory
from alembic.script.base import Script
from alembic.script.revision import RevisionMap
from sqlalchemy import Column, MetaData, String, Table

# What a HeadMaintainer writes its rows with.
CONTEXT = types.SimpleNamespace(
    as_sql=True,
    impl=types.SimpleNamespace(_exec=lambda statement: None),
    _version=Table("alembic_version", MetaData(), Column("version_num", String(32))),
)


def script(revision):
    module = types.SimpleNamespace(
        down_revision=tuple(revision["parents"]) or None,
        branch_labels=tuple(revision["labels"]),
        depends_on=tuple(revision["needs"]),
        upgrade=None,
        downgrade=None,
    )
    return Script(module, revision["id"], "nowhere.py")


def directory(revisions):
    scripts = ScriptDirectory.__new__(ScriptDirectory)
    scripts.revision_map = RevisionMap(lambda: [script(revision) for revision in revisions])
    return scripts


def answer(scripts, case):
    current = tuple(case["current"])
    try:
        if case["command"] == "stamp":
            steps = scripts._stamp_revs(tuple(case["targets"]), current)
            names = []
        else:
            (target,) = case["targets"]
            plan = getattr(scripts, "_%s_revs" % case["command"])
            steps = plan(target, current)
            names = [step.revision.revision for step in steps]
    except Exception as error:
        return {"refused": "%s: %s" % (type(error).__name__, error)}
    maintainer = HeadMaintainer(CONTEXT, current)
    try:
        for step in steps:
            maintainer.update_to_step(step)
    except (AssertionError, KeyError) as error:
        return {"failed": "%s: %s" % (type(error).__name__, error)}
    return {"steps": names, "rows": sorted(maintainer.heads)}


warnings.simplefilter("ignore")
for line in sys.stdin:
    request = json.loads(line)
    scripts = directory(request["revisions"])
    print(json.dumps([answer(scripts, case) for case in request["cases"]]), flush=True)
