INSERT INTO p VALUES (1, 'a', 'b'), (2, 'c', 'd');
INSERT INTO c VALUES ('b', 'c');
