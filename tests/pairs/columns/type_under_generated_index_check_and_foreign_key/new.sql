CREATE TABLE parent (id bigint PRIMARY KEY, code varchar(5) UNIQUE);
CREATE TABLE child (
    id bigint PRIMARY KEY,
    parent_id bigint NOT NULL REFERENCES parent (id) ON DELETE CASCADE ON UPDATE CASCADE,
    qty bigint NOT NULL DEFAULT 1 CHECK (qty > 0),
    twice bigint GENERATED ALWAYS AS (qty * 2) STORED
);
CREATE INDEX child_qty ON child ((qty + 1)) WHERE qty > 5;
CREATE INDEX child_parent ON child (parent_id) INCLUDE (qty);
