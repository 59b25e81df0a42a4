-- revision: b7e2610f4c83
-- down_revision: a4d09c3e7f51
-- message: restore approvals and drills
-- created: 2026-11-25T09:00:00Z
-- transactional: true

-- upgrade
ALTER TABLE operations DROP CONSTRAINT operations_state_check;
ALTER TABLE operations ADD CONSTRAINT operations_state_check
    CHECK (state IN ('AWAITING_APPROVAL', 'QUEUED', 'RUNNING', 'CANCELLING', 'SUCCEEDED', 'FAILED', 'CANCELLED'));

CREATE TABLE operation_approvals (
    operation uuid PRIMARY KEY REFERENCES operations,
    expires_at timestamptz NOT NULL,
    approved_at timestamptz,
    principal text,
    reason text,
    CHECK ((approved_at IS NULL) = (principal IS NULL)),
    CHECK ((approved_at IS NULL) = (reason IS NULL))
);
COMMENT ON TABLE operation_approvals IS 'Operations that wait, or waited, for a second person: written with the operation, filled in once by whoever approves.';
CREATE FUNCTION keep_approval() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the approval of operation % is for good', OLD.operation;
END
$$;
CREATE TRIGGER keep_approval BEFORE UPDATE ON operation_approvals
    FOR EACH ROW WHEN (OLD.approved_at IS NOT NULL) EXECUTE FUNCTION keep_approval();
CREATE TRIGGER keep_rows BEFORE DELETE OR TRUNCATE ON operation_approvals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE drills (
    operation uuid PRIMARY KEY REFERENCES operations,
    database text NOT NULL,
    filename text NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('PASSED', 'FAILED', 'ERROR')),
    ended_at timestamptz NOT NULL,
    report jsonb NOT NULL
);
COMMENT ON TABLE drills IS 'What rehearsal restores said of backups; report is the whole drill. Append-only.';
CREATE INDEX drills_database ON drills (database, operation);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON drills
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- downgrade
DROP TABLE drills;
DROP TABLE operation_approvals;
DROP FUNCTION keep_approval();
ALTER TABLE operations DROP CONSTRAINT operations_state_check;
-- An operation of an earlier daemon that still waits is one that nobody can let go on.
ALTER TABLE operations ADD CONSTRAINT operations_state_check
    CHECK (state IN ('QUEUED', 'RUNNING', 'CANCELLING', 'SUCCEEDED', 'FAILED', 'CANCELLED')) NOT VALID;
