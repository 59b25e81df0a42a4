CREATE TABLE t (id int4 PRIMARY KEY, a character varying(10) DEFAULT 'x'::character varying, b numeric(10) CHECK (b IN (1, 2)), c timestamp without time zone DEFAULT CURRENT_TIMESTAMP, d bool DEFAULT 'f', CHECK (a BETWEEN 'a' AND 'z'));
CREATE VIEW v AS SELECT * FROM t;
CREATE TABLE changes (a integer);
