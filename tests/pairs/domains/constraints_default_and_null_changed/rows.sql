INSERT INTO contact VALUES (1, 'a@b.example'), (2, 'c@d.example');
