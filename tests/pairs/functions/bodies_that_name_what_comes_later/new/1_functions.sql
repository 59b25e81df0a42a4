CREATE FUNCTION alpha(n integer) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RETURN omega(n); END $$;
CREATE FUNCTION omega(n integer) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN IF n = 0 THEN RETURN 0; END IF; RETURN alpha(n - 1); END $$;
