-- revision: d92b4e7a1c05
-- down_revision: c3f1a8d20b67
-- message: schedule state
-- created: 2026-11-25T17:01:00Z
-- transactional: true

-- upgrade
CREATE TABLE daemons (
    id uuid PRIMARY KEY,
    version text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    control_grace double precision NOT NULL
);
COMMENT ON TABLE daemons IS 'Who works with this store. control_grace: seconds for which a daemon works on while it cannot prove that it lives; others leave its work alone for longer than that.';

CREATE TABLE schedule_jobs (
    job text PRIMARY KEY,
    first_seen timestamptz NOT NULL,
    considered timestamptz NOT NULL,
    last_success timestamptz,
    missed bigint NOT NULL DEFAULT 0,
    paused_at timestamptz,
    paused_until timestamptz,
    paused_by text,
    pause_reason text,
    overdue_since timestamptz,
    overdue_told boolean NOT NULL DEFAULT false,
    CHECK ((paused_at IS NULL) = (paused_by IS NULL)),
    CHECK ((paused_at IS NULL) = (pause_reason IS NULL)),
    CHECK (paused_at IS NOT NULL OR paused_until IS NULL)
);
COMMENT ON TABLE schedule_jobs IS 'What lasts of each job of the schedule. considered: all ticks up to then were dealt with; whoever moves it on deals with the ticks that it passes.';

ALTER TABLE schedule_runs
    ADD COLUMN state text NOT NULL DEFAULT 'CLAIMED' CHECK (state IN
        ('CLAIMED', 'STARTED', 'RETRYING', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'MISSED', 'SKIPPED')),
    ADD COLUMN attempt integer NOT NULL DEFAULT 1,
    ADD COLUMN ticks bigint NOT NULL DEFAULT 1,
    ADD COLUMN by_hand boolean NOT NULL DEFAULT false,
    ADD COLUMN retry_at timestamptz,
    ADD COLUMN ended_at timestamptz;
UPDATE schedule_runs SET ended_at = slot, state = coalesce(
    (SELECT operations.state FROM operations
     WHERE operations.id = schedule_runs.operation AND operations.ended_at IS NOT NULL),
    'FAILED');
COMMENT ON COLUMN schedule_runs.ticks IS 'For how many ticks the row stands: those that were missed before it are run once, as one.';
COMMENT ON COLUMN schedule_runs.daemon IS 'Who claimed the tick. While the state is CLAIMED, that daemon alone may start the operation.';
-- No job runs beside itself, whatever two daemons decide at the same moment.
CREATE UNIQUE INDEX schedule_runs_one ON schedule_runs (job)
    WHERE state IN ('CLAIMED', 'STARTED', 'RETRYING') AND NOT by_hand;
CREATE INDEX schedule_runs_open ON schedule_runs (job) WHERE state IN ('CLAIMED', 'STARTED', 'RETRYING');

CREATE TABLE schedule_attempts (
    job text NOT NULL,
    slot timestamptz NOT NULL,
    attempt integer NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    operation uuid,
    message text NOT NULL,
    PRIMARY KEY (job, slot, attempt),
    FOREIGN KEY (job, slot) REFERENCES schedule_runs
);
COMMENT ON TABLE schedule_attempts IS 'Each try at a run: the operation that it started, or why there is none.';

CREATE TABLE alerts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    alert jsonb NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    error text
);
COMMENT ON TABLE alerts IS 'What the webhook is told, written with the state that it tells of. Whoever moves due_at on sends it.';
CREATE INDEX alerts_open ON alerts (due_at) WHERE ended_at IS NULL;

-- What cannot be taken back is written down before it is done. A daemon whose operation another one has ended stops there.
CREATE FUNCTION require_open_operation() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ended timestamptz;
BEGIN
    SELECT ended_at INTO ended FROM operations WHERE id = NEW.operation FOR SHARE;
    IF ended IS NOT NULL THEN
        RAISE EXCEPTION 'operation % was ended by another daemon', NEW.operation;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER require_open_operation BEFORE INSERT ON migration_events
    FOR EACH ROW EXECUTE FUNCTION require_open_operation();
CREATE TRIGGER require_open_operation BEFORE INSERT ON replaced_databases
    FOR EACH ROW EXECUTE FUNCTION require_open_operation();

-- downgrade
DROP TRIGGER require_open_operation ON replaced_databases;
DROP TRIGGER require_open_operation ON migration_events;
DROP FUNCTION require_open_operation();
DROP TABLE alerts;
DROP TABLE schedule_attempts;
DROP INDEX schedule_runs_open;
DROP INDEX schedule_runs_one;
ALTER TABLE schedule_runs DROP COLUMN state, DROP COLUMN attempt, DROP COLUMN ticks, DROP COLUMN by_hand,
    DROP COLUMN retry_at, DROP COLUMN ended_at;
COMMENT ON COLUMN schedule_runs.daemon IS NULL;
DROP TABLE schedule_jobs;
DROP TABLE daemons;
