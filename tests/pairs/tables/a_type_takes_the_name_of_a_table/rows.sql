INSERT INTO stock VALUES (1, 'a'), (2, NULL);
