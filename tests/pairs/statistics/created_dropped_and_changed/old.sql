CREATE TABLE t (a integer, b integer, c text);
CREATE STATISTICS s1 (ndistinct, dependencies) ON a, b FROM t;
CREATE STATISTICS s2 ON a, b, c FROM t;
CREATE STATISTICS gone ON (a + b) FROM t;
