CREATE TYPE item AS ENUM ('a', 'b');
CREATE TABLE item_kind (code text PRIMARY KEY);
CREATE TABLE stock (id integer PRIMARY KEY, k item);
