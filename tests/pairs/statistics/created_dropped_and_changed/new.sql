CREATE TABLE t (a integer, b integer, c text);
CREATE STATISTICS s1 (mcv) ON a, b FROM t;
CREATE STATISTICS s2 ON a, b, c FROM t;
ALTER STATISTICS s2 SET STATISTICS 300;
CREATE STATISTICS fresh ON lower(c), (a * 2) FROM t;
COMMENT ON STATISTICS fresh IS 'for the planner';
