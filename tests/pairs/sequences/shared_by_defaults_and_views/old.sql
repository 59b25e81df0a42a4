CREATE SEQUENCE hits MAXVALUE 10;
CREATE VIEW peek AS SELECT last_value FROM hits;
CREATE TABLE t (a integer DEFAULT nextval('hits'), b integer DEFAULT currval('hits'));
