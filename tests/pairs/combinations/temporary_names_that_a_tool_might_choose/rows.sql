INSERT INTO t VALUES (1, 'a', 'q', 'r'), (2, 'b', NULL, NULL);
