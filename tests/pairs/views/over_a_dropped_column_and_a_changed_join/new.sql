CREATE TABLE a (id integer PRIMARY KEY, x text);
CREATE TABLE b (id integer PRIMARY KEY, a integer REFERENCES a, z text);
CREATE VIEW v AS SELECT a.id, a.x, NULL::text AS y, b.z FROM a LEFT JOIN b ON b.a = a.id;
CREATE VIEW w AS SELECT x, count(z) AS n FROM v GROUP BY x;
