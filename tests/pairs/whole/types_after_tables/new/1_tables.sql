CREATE TABLE t (id integer PRIMARY KEY, m mood DEFAULT 'ok', p spot, r ranges.span);
