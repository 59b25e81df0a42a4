CREATE SCHEMA s;
CREATE TABLE s.t (a integer, b integer);
CREATE VIEW s.v AS SELECT b, a FROM s.t;
CREATE VIEW s.w AS SELECT a FROM s.v;
CREATE VIEW bare AS SELECT a FROM s.v;
GRANT SELECT, INSERT ON s.v TO $app;
GRANT SELECT (a) ON s.w TO $maintenance;
REVOKE ALL ON bare FROM $app;
REVOKE INSERT ON s.w FROM $migrator;
