INSERT INTO user_account VALUES (1, 'a'), (2, 'b');
