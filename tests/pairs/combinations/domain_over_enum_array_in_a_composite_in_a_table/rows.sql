INSERT INTO t (id, d) VALUES (1, '{x,y}'), (2, NULL);
