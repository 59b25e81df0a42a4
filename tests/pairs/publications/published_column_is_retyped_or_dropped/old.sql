CREATE TABLE a (id integer PRIMARY KEY, x integer, y text);
CREATE PUBLICATION p FOR TABLE a (id, x) WHERE (id > 5);
CREATE TABLE b (id integer PRIMARY KEY, z text, w date);
CREATE PUBLICATION q FOR TABLE b (id, z, w);
