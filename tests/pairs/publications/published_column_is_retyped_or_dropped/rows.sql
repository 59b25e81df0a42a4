INSERT INTO a VALUES (1, 1, 'y'), (2, 2, NULL);
INSERT INTO b (id, z) VALUES (1, 'z');
