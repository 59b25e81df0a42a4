INSERT INTO animal (id, name, weight) VALUES (1, 'a', 5);
INSERT INTO dog (id, name, weight, breed) VALUES (2, 'b', 6, 'poodle');
INSERT INTO puppy (id, name, weight, breed, age) VALUES (3, 'c', 7, 'poodle', 1);
