INSERT INTO t (id, a, b) VALUES (1, 'b', 1), (2, NULL, NULL);
INSERT INTO changes (a) VALUES (1);
