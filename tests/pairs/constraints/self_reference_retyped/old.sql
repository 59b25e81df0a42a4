CREATE TABLE tree (id integer PRIMARY KEY, parent integer REFERENCES tree ON DELETE CASCADE, CHECK (parent <> id));
CREATE INDEX tree_parent ON tree (parent) WHERE parent IS NOT NULL;
