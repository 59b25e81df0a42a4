INSERT INTO thing (id) VALUES (1), (2);
