INSERT INTO t VALUES (1, 'one', 'eins', 1.25, '2024-01-01 10:00:00.125'), (2, NULL, 'zwei', NULL, NULL);
