CREATE TABLE cats (id integer PRIMARY KEY, name text);
