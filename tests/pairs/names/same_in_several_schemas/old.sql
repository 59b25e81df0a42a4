CREATE SCHEMA a;
CREATE SCHEMA b;
CREATE TABLE a.t (id integer PRIMARY KEY, n integer);
CREATE TABLE b.t (id integer PRIMARY KEY, n integer REFERENCES a.t);
CREATE TYPE a.k AS ENUM ('x');
CREATE TYPE b.k AS ENUM ('y');
CREATE VIEW b.v AS SELECT t.id, o.n, 'x'::a.k AS k FROM b.t JOIN a.t o ON o.id = t.n;
CREATE INDEX t_n ON a.t (n);
CREATE INDEX t_n ON b.t (n);
