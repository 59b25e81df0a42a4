INSERT INTO t VALUES (1, '{"a":1}', '{x,y}', '{1,2}'), (2, NULL, NULL, NULL);
