CREATE TABLE measure (id integer PRIMARY KEY, reading integer NOT NULL, unit varchar(8) DEFAULT 'kilogram');
CREATE VIEW heavy AS SELECT id, reading, unit FROM measure WHERE reading > 10;
