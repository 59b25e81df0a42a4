CREATE VIEW open AS SELECT id, title, owner FROM task WHERE NOT done;
GRANT SELECT ON open TO $maintenance;
