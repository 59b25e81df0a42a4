INSERT INTO p VALUES (1, 3), (2, NULL);
INSERT INTO t (id, d) VALUES (1, NULL), (2, 'x');
