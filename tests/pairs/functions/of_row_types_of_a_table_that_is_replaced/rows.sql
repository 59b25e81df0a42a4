INSERT INTO person (id, first, last) VALUES (1, 'A', 'B'), (2, 'C', NULL);
