CREATE FUNCTION act(n integer) RETURNS void LANGUAGE sql AS $$ SELECT 1 $$;
CREATE FUNCTION total(integer) RETURNS integer LANGUAGE sql AS $$ SELECT 1 $$;
