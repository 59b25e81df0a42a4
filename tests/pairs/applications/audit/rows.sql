INSERT INTO account VALUES (1, 10, 'DE1'), (2, 20, NULL);
INSERT INTO transfer VALUES (1, 1, 2, 5);
