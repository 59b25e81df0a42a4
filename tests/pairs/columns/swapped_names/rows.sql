INSERT INTO interval_of (id) VALUES (1), (2);
