INSERT INTO t (id, x, y) VALUES (1, 'one', 'eins'), (2, 'one', 'drei');
