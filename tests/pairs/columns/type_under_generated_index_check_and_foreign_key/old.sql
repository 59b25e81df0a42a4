CREATE TABLE parent (id integer PRIMARY KEY, code varchar(5) UNIQUE);
CREATE TABLE child (
    id integer PRIMARY KEY,
    parent_id integer NOT NULL REFERENCES parent (id) ON DELETE CASCADE ON UPDATE CASCADE,
    qty integer NOT NULL DEFAULT 1 CHECK (qty > 0),
    twice integer GENERATED ALWAYS AS (qty * 2) STORED
);
CREATE INDEX child_qty ON child ((qty + 1)) WHERE qty > 5;
CREATE INDEX child_parent ON child (parent_id) INCLUDE (qty);
