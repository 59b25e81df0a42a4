CREATE TYPE filter AS (name text, active boolean);
COMMENT ON COLUMN filter.active IS 'only the living';
CREATE FUNCTION matches(f filter, candidate text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN candidate LIKE f.name; END $$;
REVOKE USAGE ON TYPE filter FROM PUBLIC;
