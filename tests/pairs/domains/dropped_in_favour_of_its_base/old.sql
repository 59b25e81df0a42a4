CREATE DOMAIN year AS integer CHECK (VALUE BETWEEN 1901 AND 2155);
CREATE TABLE film (id integer PRIMARY KEY, released year, UNIQUE (released, id));
CREATE FUNCTION age(y year) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT 2000 - y $$;
