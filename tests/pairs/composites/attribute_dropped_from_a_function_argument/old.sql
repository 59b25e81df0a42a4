CREATE TYPE filter AS (name text, active boolean, age integer);
COMMENT ON COLUMN filter.name IS 'a pattern';
CREATE FUNCTION matches(f filter, candidate text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN candidate LIKE f.name; END $$;
GRANT USAGE ON TYPE filter TO $app;
