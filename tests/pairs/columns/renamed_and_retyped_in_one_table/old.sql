CREATE TABLE measure (id integer PRIMARY KEY, val integer, unit varchar(3) DEFAULT 'kg');
CREATE VIEW heavy AS SELECT id, val, unit FROM measure WHERE val > 10;
