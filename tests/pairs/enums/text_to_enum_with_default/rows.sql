INSERT INTO ticket VALUES (1, 'open', 'bug'), (2, 'closed', NULL);
