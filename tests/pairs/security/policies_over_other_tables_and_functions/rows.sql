INSERT INTO member VALUES (1, 'a');
INSERT INTO doc VALUES (1, 1, 'x'), (2, 2, NULL);
