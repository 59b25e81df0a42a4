CREATE TABLE t (a integer, b text);
CREATE VIEW barrier AS SELECT a FROM t;
CREATE VIEW invoker WITH (security_invoker = true, security_barrier = false) AS SELECT a FROM t;
CREATE VIEW checked AS SELECT a FROM t WHERE a > 0 WITH LOCAL CHECK OPTION;
CREATE VIEW freed AS SELECT a FROM t WHERE a > 0;
