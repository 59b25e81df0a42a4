-- Views and rules, materialized views on each other, and views that depend on each other in a circle.
CREATE TABLE base (id int PRIMARY KEY, said text, amount numeric);
INSERT INTO base SELECT n, 's' || n, n * 1.5 FROM generate_series(1, 50) AS n;
CREATE VIEW plain AS SELECT id, said FROM base WHERE id > 3;
CREATE VIEW checked WITH (security_barrier = true) AS SELECT * FROM base WHERE amount > 10 WITH LOCAL CHECK OPTION;
CREATE VIEW invoker WITH (security_invoker = true) AS SELECT * FROM plain WITH CASCADED CHECK OPTION;
CREATE RECURSIVE VIEW up_to (n) AS SELECT 1 UNION ALL SELECT n + 1 FROM up_to WHERE n < 5;
CREATE VIEW grouped AS SELECT id, said, count(*) FROM base GROUP BY id;
CREATE VIEW "odd columns" ("a b", "c""d", "E") AS SELECT 1, 'x'::text, NULL::date;
ALTER VIEW plain ALTER said SET DEFAULT 'by the view';

-- Each needs the other: one is made as a dummy first.
CREATE VIEW circle AS SELECT 1 AS n, 'a'::text AS t;
CREATE VIEW circle_too AS SELECT * FROM circle;
CREATE OR REPLACE VIEW circle AS SELECT n, t FROM circle_too;
-- A function that takes a view's rows, and a view that calls it.
CREATE VIEW rows_of AS SELECT 1 AS n;
CREATE FUNCTION take(rows_of) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1.n';
CREATE OR REPLACE VIEW rows_of AS SELECT n FROM (SELECT 2 AS n) AS s WHERE n > 0;
CREATE VIEW calls AS SELECT take(rows_of) FROM rows_of;

CREATE MATERIALIZED VIEW "Z first" AS SELECT count(*) AS n, max(amount) AS most FROM public.base;
CREATE MATERIALIZED VIEW a_second AS SELECT n + 1 AS n FROM public."Z first";
CREATE MATERIALIZED VIEW a_third AS SELECT second.n, plain.id FROM public.a_second AS second, public.plain;
CREATE UNIQUE INDEX ON a_third (id);
CREATE INDEX ON a_third (n) WHERE id > 10;
CREATE MATERIALIZED VIEW not_filled AS SELECT * FROM public.base WITH NO DATA;
CREATE MATERIALIZED VIEW on_not_filled AS SELECT count(*) FROM public.not_filled WITH NO DATA;
CREATE MATERIALIZED VIEW no_rows AS SELECT * FROM public.base WHERE false;
CREATE MATERIALIZED VIEW stored_otherwise WITH (fillfactor = 50) AS SELECT said FROM public.base;
CREATE INDEX a_second_n ON a_second (n);
ALTER MATERIALIZED VIEW a_second CLUSTER ON a_second_n;
COMMENT ON MATERIALIZED VIEW a_third IS 'on two';
GRANT SELECT ON a_third TO $app;

-- Rules that would keep rows out, or double them, were they there when rows are loaded.
CREATE TABLE ruled (n int);
CREATE TABLE copies (n int);
INSERT INTO ruled VALUES (1), (2), (3);
CREATE RULE no_insert AS ON INSERT TO ruled DO INSTEAD NOTHING;
CREATE RULE copy AS ON INSERT TO base DO ALSO INSERT INTO copies VALUES (NEW.id);
CREATE RULE "odd ""name""" AS ON UPDATE TO ruled WHERE OLD.n > 1 DO INSTEAD (DELETE FROM copies WHERE n = OLD.n; INSERT INTO copies VALUES (NEW.n));
ALTER TABLE ruled DISABLE RULE no_insert;
CREATE RULE upd AS ON UPDATE TO plain DO INSTEAD UPDATE base SET said = NEW.said WHERE id = NEW.id;
COMMENT ON RULE upd ON plain IS 'writes through';
