CREATE TABLE a (x integer PRIMARY KEY, y text);
CREATE TABLE b (p date PRIMARY KEY, q integer, a integer REFERENCES a);
