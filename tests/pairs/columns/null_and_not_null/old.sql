CREATE TABLE t (id integer PRIMARY KEY, a text NOT NULL, b text, c integer NOT NULL DEFAULT 1, "Order" date);
CREATE TABLE u (x integer, y integer);
