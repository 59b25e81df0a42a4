CREATE FUNCTION a(n integer) RETURNS integer LANGUAGE sql AS $$ SELECT n $$;
CREATE FUNCTION b(n integer) RETURNS SETOF integer LANGUAGE plpgsql STABLE STRICT ROWS 10 AS $$ BEGIN RETURN NEXT n; END $$;
CREATE FUNCTION c() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET work_mem = '8MB' AS $$ BEGIN END $$;
CREATE TABLE t (n integer);
CREATE VIEW v AS SELECT a(n) AS n FROM t;
