INSERT INTO c VALUES (1, 'de'), (2, 'us'), (3, 'fr');
