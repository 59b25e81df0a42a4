CREATE PROCEDURE act(n integer, INOUT r text DEFAULT 'x') LANGUAGE plpgsql AS $$ BEGIN r := n::text; END $$;
CREATE AGGREGATE total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0');
COMMENT ON PROCEDURE act(integer, text) IS 'acts';
COMMENT ON AGGREGATE total(integer) IS 'totals';
GRANT EXECUTE ON PROCEDURE act(integer, text) TO $app;
