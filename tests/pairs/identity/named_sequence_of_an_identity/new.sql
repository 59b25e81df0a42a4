CREATE TABLE t (id integer GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME t_counter START 5 MINVALUE 0), x integer);
COMMENT ON SEQUENCE t_counter IS 'named by hand';
GRANT USAGE ON SEQUENCE t_counter TO $maintenance;
