INSERT INTO product VALUES (1, 'ABC'), (2, NULL);
