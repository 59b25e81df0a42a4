CREATE FOREIGN DATA WRAPPER dummy OPTIONS (debug 'true');
CREATE SERVER far FOREIGN DATA WRAPPER dummy OPTIONS (host 'a');
CREATE USER MAPPING FOR $app SERVER far OPTIONS (u 'x');
CREATE FOREIGN TABLE remote (id integer NOT NULL, a text OPTIONS (name 'A')) SERVER far OPTIONS (t 'one');
CREATE VIEW of_remote AS SELECT id, a FROM remote;
