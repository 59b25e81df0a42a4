INSERT INTO app.tenant VALUES (1, 'one'), (2, 'two');
INSERT INTO app.member (tenant, email) VALUES (1, 'a@x'), (2, 'b@x');
INSERT INTO app.project (tenant, owner, name) VALUES (1, 1, 'p'), (2, 2, 'q');
INSERT INTO app.task (tenant, project, title) VALUES (1, 1, 't'), (2, 2, 'u');
