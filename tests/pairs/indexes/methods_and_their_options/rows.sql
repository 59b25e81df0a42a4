INSERT INTO t VALUES (1, '{"a":[1]}', 'a b', '[1,3)', '(1,2)', 5, '10.0.0.1'), (2, NULL, NULL, NULL, NULL, NULL, NULL);
