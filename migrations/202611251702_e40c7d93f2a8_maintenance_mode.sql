-- revision: e40c7d93f2a8
-- down_revision: c3f1a8d20b67
-- message: maintenance mode that drains and ends by itself, and half-built indexes
-- created: 2026-11-25T17:02:00Z
-- transactional: true

-- upgrade
ALTER TABLE maintenance ADD COLUMN drains_until timestamptz;
ALTER TABLE maintenance ADD COLUMN expires_at timestamptz;
COMMENT ON COLUMN maintenance.drains_until IS 'Until then sessions that are in a transaction are left alone.';
COMMENT ON COLUMN maintenance.expires_at IS 'When a daemon ends the mode by itself; never where it is null.';
ALTER TABLE artifacts DROP CONSTRAINT artifacts_kind_check;
ALTER TABLE artifacts ADD CONSTRAINT artifacts_kind_check CHECK (kind IN ('archive', 'database', 'indexes'));

-- downgrade
-- Half-built indexes are found in the catalog as well, by the next Reindex.
DELETE FROM artifacts WHERE kind = 'indexes';
ALTER TABLE artifacts DROP CONSTRAINT artifacts_kind_check;
ALTER TABLE artifacts ADD CONSTRAINT artifacts_kind_check CHECK (kind IN ('archive', 'database'));
ALTER TABLE maintenance DROP COLUMN expires_at;
ALTER TABLE maintenance DROP COLUMN drains_until;
