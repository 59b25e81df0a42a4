-- Rows of others are not ours: the table is made anew, empty of them, and nobody connects.
CREATE EXTENSION postgres_fdw;
CREATE EXTENSION file_fdw;
CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '1', dbname 'no"where''s');
CREATE USER MAPPING FOR $app SERVER far OPTIONS (user 'somebody', password 'hush');
CREATE FOREIGN TABLE far_away (a int OPTIONS (column_name 'A'), b text DEFAULT 'b', CHECK (a > 0)) SERVER far OPTIONS (schema_name 's');
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE passwd (line text) SERVER files OPTIONS (filename '/etc/passwd', delimiter E'\x01');
CREATE FOREIGN DATA WRAPPER bare OPTIONS (a 'b');
GRANT USAGE ON FOREIGN SERVER far TO $app;
GRANT USAGE ON FOREIGN DATA WRAPPER bare TO $migrator WITH GRANT OPTION;
COMMENT ON SERVER far IS 'far away';

