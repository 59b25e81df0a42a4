CREATE TYPE core_part AS (a integer, b text);
CREATE TYPE outer_part AS (i core_part, n integer);
CREATE FUNCTION f(o outer_part) RETURNS integer LANGUAGE sql AS $$ SELECT (o.i).a + o.n $$;
