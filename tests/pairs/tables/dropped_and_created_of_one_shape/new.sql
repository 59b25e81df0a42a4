CREATE TABLE dogs (id integer PRIMARY KEY, name text);
