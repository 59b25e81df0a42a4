INSERT INTO person VALUES (1, 'sad'), (2, 'ok'), (3, DEFAULT);
UPDATE person SET feeling = 'ok' WHERE id = 3;
