CREATE SCHEMA old_one;
CREATE TABLE old_one.a (id integer PRIMARY KEY, x date);
CREATE VIEW old_one.v AS SELECT x FROM old_one.a;
CREATE FUNCTION old_one.f() RETURNS integer LANGUAGE sql AS $$ SELECT 1 $$;
