CREATE SCHEMA lib;
CREATE TYPE kind AS ENUM ('a', 'b');
CREATE FUNCTION of_kind(k kind) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT k::text $$;
CREATE TABLE t (id integer PRIMARY KEY, k kind DEFAULT 'a', n text DEFAULT of_kind('b'));
