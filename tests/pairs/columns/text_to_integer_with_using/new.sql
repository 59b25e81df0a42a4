CREATE TABLE t (id integer PRIMARY KEY, code integer NOT NULL DEFAULT 0, flag boolean, at timestamp with time zone);
CREATE UNIQUE INDEX t_code ON t (code);
