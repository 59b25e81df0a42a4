CREATE DOMAIN email AS text DEFAULT 'nobody@example.org' NOT NULL CONSTRAINT has_at CHECK (VALUE ~ '^[^@]+@[^@]+$') CONSTRAINT not_long CHECK (length(VALUE) < 100);
CREATE TABLE contact (id integer PRIMARY KEY, mail email);
COMMENT ON DOMAIN email IS 'an address';
COMMENT ON CONSTRAINT has_at ON DOMAIN email IS 'one at sign';
