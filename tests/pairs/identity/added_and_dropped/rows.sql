INSERT INTO a (id, x) VALUES (11, 'one'), (12, 'two');
INSERT INTO b (id, x) OVERRIDING SYSTEM VALUE VALUES (21, 'one');
