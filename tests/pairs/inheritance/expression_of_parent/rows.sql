INSERT INTO parts (id) VALUES (1);
INSERT INTO wheels (id, spokes) VALUES (2, 30);
