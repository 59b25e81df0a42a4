CREATE TABLE person (id bigint PRIMARY KEY, first text, middle varchar(3), last text);
CREATE FUNCTION full_name(p person) RETURNS text LANGUAGE sql STABLE AS $$ SELECT p.first || p.middle || p.last $$;
CREATE FUNCTION everyone() RETURNS SETOF person LANGUAGE sql STABLE AS $$ SELECT * FROM person $$;
CREATE VIEW names AS SELECT full_name(p) AS n FROM everyone() AS p;
