CREATE VIEW open AS SELECT id, title FROM task WHERE NOT done;
GRANT SELECT ON open TO $maintenance;
