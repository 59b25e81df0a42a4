CREATE TABLE flags (id integer PRIMARY KEY, active integer NOT NULL DEFAULT 1);
