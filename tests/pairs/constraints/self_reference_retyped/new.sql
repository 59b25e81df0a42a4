CREATE TABLE tree (id bigint PRIMARY KEY, parent bigint REFERENCES tree ON DELETE SET NULL, CHECK (parent <> id));
CREATE INDEX tree_parent ON tree (parent) WHERE parent IS NOT NULL;
