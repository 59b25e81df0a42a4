CREATE SCHEMA lib;
CREATE TYPE lib.kind AS ENUM ('a', 'b');
CREATE FUNCTION lib.of_kind(k lib.kind) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT k::text $$;
CREATE TABLE t (id integer PRIMARY KEY, k lib.kind DEFAULT 'a', n text DEFAULT lib.of_kind('b'));
