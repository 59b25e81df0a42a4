INSERT INTO account VALUES (1, 'guest'), (2, 'member'), (3, 'admin');
