INSERT INTO flags (id) VALUES (1), (2);
