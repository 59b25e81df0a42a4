INSERT INTO t VALUES (1, 'a', 1, '2024-01-01', 'x'), (2, 'b', NULL, NULL, NULL);
