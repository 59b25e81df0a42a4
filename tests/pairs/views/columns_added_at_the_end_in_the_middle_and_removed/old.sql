CREATE TABLE t (a integer, b text, c date);
CREATE VIEW at_end AS SELECT a FROM t;
CREATE VIEW in_middle AS SELECT a, c FROM t;
CREATE VIEW removed AS SELECT a, b, c FROM t;
CREATE VIEW above AS SELECT in_middle.a, at_end.a AS other FROM in_middle JOIN at_end USING (a);
COMMENT ON COLUMN removed.b IS 'a text';
