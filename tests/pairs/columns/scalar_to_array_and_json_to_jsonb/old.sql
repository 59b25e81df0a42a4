CREATE TABLE t (id integer PRIMARY KEY, doc json, tags text[] DEFAULT '{}', ids integer[]);
