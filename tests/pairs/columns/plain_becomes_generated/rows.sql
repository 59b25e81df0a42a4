INSERT INTO t (id, first, last) VALUES (1, 'a', 'b'), (2, 'c', NULL);
