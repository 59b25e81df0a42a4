CREATE TYPE a AS ENUM ('zero', 'one');
CREATE TYPE b AS ENUM ('eins', 'zwei', 'drei');
CREATE TABLE t (id integer, x a DEFAULT 'zero', y b DEFAULT 'zwei', CHECK (x <> 'zero'::a OR y = 'zwei'::b));
CREATE FUNCTION pair(x a DEFAULT 'zero'::a) RETURNS b LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT CASE x WHEN 'zero'::a THEN 'zwei'::b ELSE 'eins'::b END; END;
CREATE VIEW pairs AS SELECT id, pair(x) AS y FROM t WHERE x = 'zero'::a;
