CREATE TABLE item (id integer PRIMARY KEY, qty integer);
CREATE TYPE item_kind AS ENUM ('a');
CREATE TABLE stock (id integer PRIMARY KEY, k item_kind);
