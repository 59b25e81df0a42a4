INSERT INTO shirt (s, all_sizes, worn, tailored) VALUES ('small', '{small,large}', 'small', '(small,medium)'), ('large', '{}', 'medium', NULL), ('medium', NULL, NULL, '(large,)');
