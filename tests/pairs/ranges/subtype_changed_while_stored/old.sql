CREATE TYPE span AS RANGE (subtype = integer);
CREATE TABLE slot (id integer PRIMARY KEY, s span DEFAULT '[1,5)');
CREATE INDEX slot_s ON slot USING gist (s);
CREATE FUNCTION width(s span) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT upper(s)::bigint - lower(s) $$;
