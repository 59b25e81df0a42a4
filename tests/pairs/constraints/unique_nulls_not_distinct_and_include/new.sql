CREATE TABLE t (a integer, b integer, c integer, CONSTRAINT ab UNIQUE NULLS NOT DISTINCT (a, b), CONSTRAINT cc UNIQUE (c) INCLUDE (a, b));
