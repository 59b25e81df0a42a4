CREATE TABLE person (id integer PRIMARY KEY, first text, last text);
CREATE FUNCTION full_name(p person) RETURNS text LANGUAGE sql STABLE AS $$ SELECT p.first || p.last $$;
CREATE FUNCTION everyone() RETURNS SETOF person LANGUAGE sql STABLE AS $$ SELECT * FROM person $$;
CREATE VIEW names AS SELECT full_name(p) AS n FROM everyone() AS p;
