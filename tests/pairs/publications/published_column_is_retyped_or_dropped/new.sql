CREATE TABLE a (id bigint PRIMARY KEY, x bigint, y text);
CREATE PUBLICATION p FOR TABLE a (id, x) WHERE (id > 5);
CREATE TABLE b (id integer PRIMARY KEY, z text);
CREATE PUBLICATION q FOR TABLE b (id, z);
