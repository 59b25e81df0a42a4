CREATE TABLE t (a integer, b integer, c integer, CONSTRAINT ab UNIQUE (a, b), CONSTRAINT cc UNIQUE NULLS NOT DISTINCT (c));
