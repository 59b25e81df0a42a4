INSERT INTO child (id, extra, more) VALUES (1, 'a', 'b'), (2, 'c', NULL);
