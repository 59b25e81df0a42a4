CREATE TABLE a (id integer PRIMARY KEY, x text, y text);
CREATE TABLE b (id integer PRIMARY KEY, n integer);
CREATE TABLE c (id integer PRIMARY KEY);
CREATE PUBLICATION p FOR TABLE a (id, x), b WHERE (id > 10) WITH (publish = 'insert, update');
CREATE PUBLICATION gone FOR TABLE c;
