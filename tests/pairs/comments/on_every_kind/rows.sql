INSERT INTO s.t VALUES (1, 'a'), (2, NULL);
