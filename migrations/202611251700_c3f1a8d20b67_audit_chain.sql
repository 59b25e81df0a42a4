-- revision: c3f1a8d20b67
-- down_revision: b7e2610f4c83
-- message: audit chain
-- created: 2026-11-25T17:00:00Z
-- transactional: true

-- upgrade
CREATE TABLE public.audit_records (
    number bigint PRIMARY KEY CHECK (number > 0),
    kind text NOT NULL CHECK (kind IN ('CALL', 'END', 'READ', 'REFUSAL')),
    entry bigint CHECK ((kind = 'END') = (entry IS NOT NULL)),
    happened_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    principal text NOT NULL,
    peer text NOT NULL,
    method text NOT NULL,
    database text NOT NULL,
    request json NOT NULL,
    outcome text CHECK (outcome IN ('SUCCEEDED', 'FAILED', 'DENIED', 'CANCELLED')),
    reason text NOT NULL,
    operation text NOT NULL,
    duration bigint CHECK (duration >= 0),
    calls bigint NOT NULL CHECK (calls > 0),
    daemon uuid NOT NULL,
    source uuid,
    hash bytea NOT NULL,
    CHECK ((kind = 'CALL') = (outcome IS NULL))
);
COMMENT ON TABLE public.audit_records IS 'The audit log, one chain: each record has the hash of itself and the one before. CALL stands before a deed, END after it (entry is the number of its CALL), READ for a call that only read, REFUSAL for callers who were not let in. Written by append_audit alone. Append-only.';
COMMENT ON COLUMN public.audit_records.duration IS 'Microseconds.';
COMMENT ON COLUMN public.audit_records.calls IS 'How many calls a READ or REFUSAL stands for.';
COMMENT ON COLUMN public.audit_records.source IS 'Names a record that waited in a daemon''s spool, so that it is taken once.';
CREATE UNIQUE INDEX audit_records_entry ON public.audit_records (entry) WHERE entry IS NOT NULL;
CREATE UNIQUE INDEX audit_records_source ON public.audit_records (source) WHERE source IS NOT NULL;
CREATE INDEX audit_records_changes ON public.audit_records (number) WHERE kind IN ('CALL', 'REFUSAL');
CREATE INDEX audit_records_recorded_at ON public.audit_records (recorded_at);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON public.audit_records
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION public.audit_hash(previous bytea, record public.audit_records) RETURNS bytea
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    field text;
    canonical text := '';
BEGIN
    -- Each field as its length in bytes of UTF-8 and itself, a missing one as a dash: two different records never read
    -- alike. The daemon reckons the same in src/model/audit/chain.rs.
    FOREACH field IN ARRAY ARRAY[
        record.number::text, record.kind, record.entry::text,
        to_char(record.happened_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        to_char(record.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        record.principal, record.peer, record.method, record.database, record.request::text,
        record.outcome, record.reason, record.operation, record.duration::text, record.calls::text,
        record.daemon::text, record.source::text
    ] LOOP
        canonical := canonical
            || coalesce(octet_length(convert_to(field, 'UTF8')) || ':' || field, '-') || ',';
    END LOOP;
    RETURN sha256(previous || convert_to(canonical, 'UTF8'));
END
$$;

CREATE FUNCTION public.append_audit(records json) RETURNS TABLE (number bigint, hash bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    given record;
    begun public.audit_records;
    link public.audit_records;
    last_number bigint;
    last_hash bytea;
BEGIN
    -- One writer at a time: the number and hash of a record follow from the one before.
    PERFORM pg_advisory_xact_lock(hashtextextended('pgsteward:audit', 0));
    SELECT r.number, r.hash INTO last_number, last_hash
        FROM public.audit_records AS r ORDER BY r.number DESC LIMIT 1;
    IF NOT FOUND THEN
        last_number := 0;
        last_hash := decode(repeat('00', 32), 'hex');
    END IF;
    FOR given IN
        SELECT * FROM json_to_recordset(records) AS g(
            kind text, entry bigint, happened_at timestamptz, principal text, peer text, method text,
            database text, request json, outcome text, reason text, operation text, duration bigint,
            calls bigint, daemon uuid, source uuid)
    LOOP
        link := NULL;
        begun := NULL;
        -- What is there already stays as it is: the first end of a call, and a record that was taken from a spool.
        IF given.source IS NOT NULL THEN
            SELECT r.* INTO link FROM public.audit_records AS r WHERE r.source = given.source;
        ELSIF given.kind = 'END' THEN
            SELECT r.* INTO link FROM public.audit_records AS r WHERE r.entry = given.entry;
            SELECT r.* INTO begun FROM public.audit_records AS r
                WHERE r.number = given.entry AND r.kind = 'CALL';
            IF begun.number IS NULL THEN
                RAISE EXCEPTION 'audit entry % does not exist', given.entry;
            END IF;
        END IF;
        IF link.number IS NULL THEN
            last_number := last_number + 1;
            link.number := last_number;
            link.kind := given.kind;
            link.entry := given.entry;
            link.recorded_at := clock_timestamp();
            link.happened_at := coalesce(given.happened_at, link.recorded_at);
            link.principal := coalesce(begun.principal, given.principal, '');
            link.peer := coalesce(begun.peer, given.peer, '');
            link.method := coalesce(begun.method, given.method, '');
            link.database := coalesce(begun.database, given.database, '');
            link.request := coalesce(given.request, 'null');
            link.outcome := given.outcome;
            link.reason := coalesce(given.reason, '');
            link.operation := coalesce(given.operation, '');
            link.duration := coalesce(given.duration, greatest(0,
                (extract(epoch FROM link.recorded_at - begun.recorded_at) * 1000000)::bigint));
            link.calls := coalesce(given.calls, 1);
            link.daemon := given.daemon;
            link.source := given.source;
            link.hash := public.audit_hash(last_hash, link);
            last_hash := link.hash;
            INSERT INTO public.audit_records VALUES (link.*);
        END IF;
        number := link.number;
        hash := link.hash;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION public.append_audit(json) IS 'The only way into the audit log: appends records, given as an array of objects, and returns number and hash of each.';
REVOKE ALL ON FUNCTION public.append_audit(json) FROM PUBLIC;

-- What was recorded before becomes the beginning of the chain, in the order in which it happened. Entries get new numbers.
ALTER TABLE operations DISABLE TRIGGER keep_final_state;
DO $$
DECLARE
    old record;
    link public.audit_records;
    last_number bigint := 0;
    last_hash bytea := decode(repeat('00', 32), 'hex');
BEGIN
    CREATE TEMPORARY TABLE renumbered (id bigint PRIMARY KEY, number bigint NOT NULL) ON COMMIT DROP;
    FOR old IN
        SELECT e.id, 'CALL' AS kind, e.recorded_at AS happened_at, e.recorded_at AS place, e.principal, e.peer,
               e.method, e.database, e.request::text::json AS request, NULL AS outcome, '' AS reason,
               '' AS operation, NULL::bigint AS duration, e.daemon
        FROM audit_entries AS e
        UNION ALL
        SELECT e.id, 'END', o.recorded_at, greatest(e.recorded_at, o.recorded_at), e.principal, e.peer,
               e.method, e.database, 'null', o.outcome, o.reason, o.operation,
               greatest(0, (extract(epoch FROM o.recorded_at - e.recorded_at) * 1000000)::bigint), e.daemon
        FROM audit_outcomes AS o JOIN audit_entries AS e ON e.id = o.entry
        ORDER BY place, kind, id
    LOOP
        last_number := last_number + 1;
        link := NULL;
        link.number := last_number;
        link.kind := old.kind;
        link.happened_at := old.happened_at;
        link.recorded_at := old.happened_at;
        link.principal := old.principal;
        link.peer := old.peer;
        link.method := old.method;
        link.database := old.database;
        link.request := old.request;
        link.outcome := old.outcome;
        link.reason := old.reason;
        link.operation := old.operation;
        link.duration := old.duration;
        link.calls := 1;
        link.daemon := old.daemon;
        IF old.kind = 'CALL' THEN
            INSERT INTO renumbered VALUES (old.id, last_number);
        ELSE
            SELECT r.number INTO link.entry FROM renumbered AS r WHERE r.id = old.id;
        END IF;
        link.hash := public.audit_hash(last_hash, link);
        last_hash := link.hash;
        INSERT INTO public.audit_records VALUES (link.*);
    END LOOP;
    UPDATE operations SET audit_entry = r.number FROM renumbered AS r WHERE r.id = operations.audit_entry;
END
$$;
ALTER TABLE operations ENABLE TRIGGER keep_final_state;
DROP TABLE audit_outcomes;
DROP TABLE audit_entries;

CREATE VIEW public.audit_entries AS
    SELECT number AS id, recorded_at, principal, peer, method, database, request, daemon
    FROM public.audit_records WHERE kind = 'CALL';
COMMENT ON VIEW public.audit_entries IS 'The calls that change something, for those who look by SQL.';
CREATE VIEW public.audit_outcomes AS
    SELECT entry, recorded_at, outcome, reason, operation, duration FROM public.audit_records WHERE kind = 'END';
COMMENT ON VIEW public.audit_outcomes IS 'How they ended.';

-- downgrade
DROP VIEW audit_outcomes;
DROP VIEW audit_entries;
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
INSERT INTO audit_entries (id, recorded_at, principal, peer, method, database, request, daemon)
    OVERRIDING SYSTEM VALUE
    SELECT number, happened_at, principal, peer, method, database, request::text::jsonb, daemon
    FROM public.audit_records WHERE kind <> 'END' ORDER BY number;
INSERT INTO audit_outcomes (entry, recorded_at, outcome, reason, operation)
    SELECT coalesce(entry, number), happened_at, outcome, reason, operation
    FROM public.audit_records WHERE kind <> 'CALL' ORDER BY number;
SELECT setval(pg_get_serial_sequence('audit_entries', 'id'), coalesce(max(id), 0) + 1, false) FROM audit_entries;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_outcomes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
DROP FUNCTION public.append_audit(json);
DROP FUNCTION public.audit_hash(bytea, public.audit_records);
DROP TABLE public.audit_records;
