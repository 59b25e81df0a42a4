CREATE TABLE a (id integer PRIMARY KEY, kind text);
