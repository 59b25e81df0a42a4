CREATE TABLE t (id integer PRIMARY KEY, a text);
CREATE FUNCTION score(a text) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT length(a)::bigint $$;
CREATE VIEW v AS SELECT id, score(a) AS s FROM t;
CREATE VIEW w AS SELECT max(s) AS top FROM v;
CREATE INDEX t_score ON t (score(a));
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY good ON t USING (score(a) > 1);
