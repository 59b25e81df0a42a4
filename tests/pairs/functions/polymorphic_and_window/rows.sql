INSERT INTO t (a) VALUES ('{1}'), (NULL);
