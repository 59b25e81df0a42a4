CREATE SEQUENCE hits AS integer NO MAXVALUE NO CYCLE;
CREATE VIEW peek AS SELECT last_value, is_called FROM hits;
CREATE TABLE t (a bigint DEFAULT nextval('hits'), b integer);
