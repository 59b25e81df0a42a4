CREATE TABLE a (id integer PRIMARY KEY, up integer REFERENCES a);
CREATE TABLE b (id integer PRIMARY KEY REFERENCES a);
CREATE TABLE c (a integer REFERENCES a, b integer REFERENCES b, n integer, PRIMARY KEY (a, b));
CREATE TABLE d (a integer, b integer, CONSTRAINT to_c FOREIGN KEY (a, b) REFERENCES c ON UPDATE CASCADE);
CREATE VIEW abc AS SELECT a.id, c.n FROM a JOIN b USING (id) JOIN c ON c.b = b.id NATURAL JOIN d;
