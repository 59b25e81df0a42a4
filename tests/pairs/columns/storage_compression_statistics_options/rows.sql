INSERT INTO t VALUES (1, 'a', 'b', '\x01', 4), (2, NULL, NULL, NULL, NULL);
