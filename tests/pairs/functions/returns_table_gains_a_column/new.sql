CREATE TABLE t (a integer, b text);
CREATE FUNCTION all_of() RETURNS TABLE (a integer, b text) LANGUAGE sql STABLE AS $$ SELECT a, b FROM t $$;
CREATE VIEW v AS SELECT x.a FROM all_of() AS x;
GRANT EXECUTE ON FUNCTION all_of() TO $maintenance;
REVOKE EXECUTE ON FUNCTION all_of() FROM PUBLIC;
