INSERT INTO parts (id, twice) VALUES (1, 2);
INSERT INTO wheels (id, twice, spokes) VALUES (2, 4, 30);
