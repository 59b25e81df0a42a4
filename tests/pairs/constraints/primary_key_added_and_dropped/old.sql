CREATE TABLE a (x integer, y text);
CREATE TABLE b (x integer PRIMARY KEY, y text);
