CREATE TABLE t (id integer PRIMARY KEY, first text, last text, whole text GENERATED ALWAYS AS (first || ' ' || last) STORED);
