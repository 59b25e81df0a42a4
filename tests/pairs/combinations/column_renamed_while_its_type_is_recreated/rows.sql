INSERT INTO course (id, note) VALUES (1, 'a');
