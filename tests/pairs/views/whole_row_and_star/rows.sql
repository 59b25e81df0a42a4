INSERT INTO t (id, a) VALUES (1, 'a'), (2, NULL);
