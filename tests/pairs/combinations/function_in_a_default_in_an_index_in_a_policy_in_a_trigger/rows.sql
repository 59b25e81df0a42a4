INSERT INTO t (id, at) VALUES (1, 5), (2, 25);
INSERT INTO part VALUES (11), (12);
