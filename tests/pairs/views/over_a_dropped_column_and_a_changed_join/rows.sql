INSERT INTO a (id, x) VALUES (1, 'x'), (2, NULL);
INSERT INTO b VALUES (1, 1, 'z');
