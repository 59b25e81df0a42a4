CREATE TABLE film (id integer PRIMARY KEY, released integer, UNIQUE (released, id), CHECK (released BETWEEN 1901 AND 2155));
CREATE FUNCTION age(y integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT 2000 - y $$;
