INSERT INTO person VALUES (1, 'Ada', 'A'), (2, 'Alan', NULL);
