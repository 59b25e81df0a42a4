-- revision: 5c1a7e0b9d24
-- down_revision: base
-- message: control store
-- created: 2026-11-23T01:00:00Z
-- transactional: true

-- upgrade
CREATE TABLE operations (
    id uuid PRIMARY KEY,
    method text NOT NULL,
    database text NOT NULL,
    state text NOT NULL CHECK (state IN ('QUEUED', 'RUNNING', 'CANCELLING', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
    principal text NOT NULL,
    request_id text NOT NULL,
    request jsonb NOT NULL,
    audit_entry bigint NOT NULL,
    daemon uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at timestamptz,
    ended_at timestamptz,
    cancel_requested boolean NOT NULL DEFAULT false,
    progress jsonb NOT NULL,
    outcome jsonb,
    failure jsonb,
    CHECK ((state IN ('SUCCEEDED', 'FAILED', 'CANCELLED')) = (ended_at IS NOT NULL)),
    CHECK ((state = 'SUCCEEDED') = (outcome IS NOT NULL)),
    CHECK ((state IN ('FAILED', 'CANCELLED')) = (failure IS NOT NULL))
);
COMMENT ON TABLE operations IS 'Long-running jobs. A row whose daemon no longer holds its advisory lock is an orphan.';
CREATE UNIQUE INDEX operations_request ON operations (principal, request_id) WHERE request_id <> '';
CREATE INDEX operations_audit_entry ON operations (audit_entry);
CREATE INDEX operations_open ON operations (daemon) WHERE ended_at IS NULL;

CREATE FUNCTION keep_final_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'operation % is % for good', OLD.id, OLD.state;
END
$$;
CREATE TRIGGER keep_final_state BEFORE UPDATE ON operations
    FOR EACH ROW WHEN (OLD.ended_at IS NOT NULL) EXECUTE FUNCTION keep_final_state();

CREATE TABLE artifacts (
    operation uuid NOT NULL REFERENCES operations,
    kind text NOT NULL CHECK (kind IN ('archive', 'database')),
    database text NOT NULL,
    name text NOT NULL,
    PRIMARY KEY (kind, name)
);
COMMENT ON TABLE artifacts IS 'What an operation is about to make and must not leave behind: written before it is made, removed once it is gone or has become good.';

CREATE TABLE audit_entries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    principal text NOT NULL,
    peer text NOT NULL,
    method text NOT NULL,
    database text NOT NULL,
    request jsonb NOT NULL,
    daemon uuid NOT NULL
);
COMMENT ON TABLE audit_entries IS 'Every call that changes something, recorded before it acts. Append-only.';

CREATE TABLE audit_outcomes (
    entry bigint PRIMARY KEY REFERENCES audit_entries,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    outcome text NOT NULL CHECK (outcome IN ('SUCCEEDED', 'FAILED', 'DENIED', 'CANCELLED')),
    reason text NOT NULL,
    operation text NOT NULL
);
COMMENT ON TABLE audit_outcomes IS 'How a recorded call ended. Append-only.';

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP;
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_outcomes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE maintenance (
    database text PRIMARY KEY,
    reason text NOT NULL,
    principal text NOT NULL,
    entered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_sessions integer NOT NULL DEFAULT 0,
    access jsonb NOT NULL
);
COMMENT ON TABLE maintenance IS 'Databases in maintenance mode. access is what was changed on the server: written before the change, the row removed after its undoing.';

CREATE TABLE replaced_databases (
    name text PRIMARY KEY,
    database text NOT NULL,
    operation uuid NOT NULL,
    replaced_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE replaced_databases IS 'Databases that a swap set aside. Written before the swap: a row whose database does not stand on the server is a swap that did not happen.';

CREATE TABLE schedule_runs (
    job text NOT NULL,
    slot timestamptz NOT NULL,
    daemon uuid NOT NULL,
    operation uuid,
    message text NOT NULL DEFAULT '',
    PRIMARY KEY (job, slot)
);
COMMENT ON TABLE schedule_runs IS 'One row for each tick that was claimed: the key makes daemons that share the store run it once.';

CREATE TABLE migration_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    database text NOT NULL,
    revision text NOT NULL,
    direction text NOT NULL CHECK (direction IN ('upgrade', 'downgrade')),
    from_heads text[] NOT NULL,
    to_heads text[] NOT NULL,
    principal text NOT NULL,
    operation uuid NOT NULL,
    duration interval NOT NULL,
    sha256 text NOT NULL,
    script text NOT NULL
);
COMMENT ON TABLE migration_events IS 'Who ran which script when, from where to where, and its text as it was. Append-only.';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON migration_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- downgrade
DROP TABLE migration_events;
DROP TABLE schedule_runs;
DROP TABLE replaced_databases;
DROP TABLE maintenance;
DROP TABLE audit_outcomes;
DROP TABLE audit_entries;
DROP FUNCTION refuse_change();
DROP TABLE artifacts;
DROP TABLE operations;
DROP FUNCTION keep_final_state();
