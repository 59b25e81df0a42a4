-- revision: a4d09c3e7f51
-- down_revision: 5c1a7e0b9d24
-- message: migration records
-- created: 2026-11-24T00:00:00Z
-- transactional: true

-- upgrade
-- The ledger in two halves: an event is written before the deed, its outcome after. A crash in between leaves an event
-- without outcome, and the transaction's id tells how it ended.
ALTER TABLE migration_events RENAME COLUMN direction TO kind;
ALTER TABLE migration_events DROP CONSTRAINT migration_events_direction_check;
ALTER TABLE migration_events ADD CONSTRAINT migration_events_kind_check
    CHECK (kind IN ('upgrade', 'downgrade', 'stamp', 'restamp'));
ALTER TABLE migration_events ALTER COLUMN operation DROP NOT NULL;
ALTER TABLE migration_events
    ADD COLUMN normalized_sha256 text NOT NULL DEFAULT '',
    ADD COLUMN transaction_id text,
    ADD COLUMN backup text NOT NULL DEFAULT '',
    ADD COLUMN reason text NOT NULL DEFAULT '',
    ADD COLUMN fingerprint_before text NOT NULL DEFAULT '';
CREATE INDEX migration_events_revision ON migration_events (database, revision, id);

CREATE TABLE migration_outcomes (
    event bigint PRIMARY KEY REFERENCES migration_events,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    state text NOT NULL CHECK (state IN ('APPLIED', 'NOT_APPLIED')),
    duration interval NOT NULL,
    retries integer NOT NULL,
    fingerprint_after text NOT NULL
);
COMMENT ON TABLE migration_outcomes IS 'How an event of the ledger ended. Append-only.';
INSERT INTO migration_outcomes (event, recorded_at, state, duration, retries, fingerprint_after)
    SELECT id, recorded_at, 'APPLIED', duration, 0, '' FROM migration_events;
ALTER TABLE migration_events DROP COLUMN duration;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON migration_outcomes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE migration_statements (
    database text NOT NULL,
    oid oid NOT NULL,
    revision text NOT NULL,
    direction text NOT NULL CHECK (direction IN ('upgrade', 'downgrade')),
    position integer NOT NULL,
    sql text NOT NULL,
    transaction_id text,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    PRIMARY KEY (database, oid, revision, direction, position)
);
COMMENT ON TABLE migration_statements IS 'The statements of non-transactional scripts that are half run: written before each, marked after it, removed once the version row is written.';

CREATE TABLE schema_references (
    database text NOT NULL,
    heads text[] NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    operation uuid NOT NULL,
    fingerprint text NOT NULL,
    schema jsonb NOT NULL,
    PRIMARY KEY (database, heads)
);
COMMENT ON TABLE schema_references IS 'What the schema of a database is to be while its version table has these rows: what the revisions made of it.';

CREATE TABLE rehearsals (
    database text NOT NULL,
    revision text NOT NULL,
    direction text NOT NULL CHECK (direction IN ('upgrade', 'downgrade')),
    sha256 text NOT NULL,
    fingerprint_before text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    report jsonb NOT NULL,
    PRIMARY KEY (database, sha256, direction, fingerprint_before)
);
COMMENT ON TABLE rehearsals IS 'What each statement of a script did on a scratch copy of the schema, by text and schema.';

CREATE TABLE revision_authors (
    database text NOT NULL,
    revision text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    principal text NOT NULL,
    PRIMARY KEY (database, revision)
);
COMMENT ON TABLE revision_authors IS 'Who made a revision through the daemon.';

CREATE TABLE revision_approvals (
    database text NOT NULL,
    revision text NOT NULL,
    sha256 text NOT NULL,
    principal text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    comment text NOT NULL,
    PRIMARY KEY (database, revision, sha256, principal)
);
COMMENT ON TABLE revision_approvals IS 'Who approved which text of a revision. Append-only.';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON revision_approvals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- downgrade
DROP TABLE revision_approvals;
DROP TABLE revision_authors;
DROP TABLE rehearsals;
DROP TABLE schema_references;
DROP TABLE migration_statements;
ALTER TABLE migration_events ADD COLUMN duration interval NOT NULL DEFAULT interval '0';
DROP TABLE migration_outcomes;
DROP INDEX migration_events_revision;
ALTER TABLE migration_events
    DROP COLUMN normalized_sha256,
    DROP COLUMN transaction_id,
    DROP COLUMN backup,
    DROP COLUMN reason,
    DROP COLUMN fingerprint_before;
ALTER TABLE migration_events DROP CONSTRAINT migration_events_kind_check;
ALTER TABLE migration_events RENAME COLUMN kind TO direction;
-- Events of later kinds stay: the ledger is append-only.
ALTER TABLE migration_events ADD CONSTRAINT migration_events_direction_check
    CHECK (direction IN ('upgrade', 'downgrade')) NOT VALID;
