INSERT INTO counter VALUES (1), (2);
