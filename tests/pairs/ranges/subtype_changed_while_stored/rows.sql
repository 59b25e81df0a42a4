INSERT INTO slot (id) VALUES (1), (2);
