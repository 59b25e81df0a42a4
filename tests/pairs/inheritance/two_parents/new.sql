CREATE TABLE a (id integer, x text, CHECK (id > 0));
CREATE TABLE b (id integer, y text, z date);
CREATE TABLE ab (z date) INHERITS (b, a);
