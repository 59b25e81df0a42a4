CREATE TABLE t (id integer PRIMARY KEY, a text, b text NOT NULL, c integer, "Order" date NOT NULL);
CREATE TABLE u (x integer NOT NULL, y integer NOT NULL);
