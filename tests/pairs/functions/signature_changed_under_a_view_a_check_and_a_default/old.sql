CREATE FUNCTION tax(n numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT n * 0.19 $$;
CREATE TABLE bill (id integer PRIMARY KEY, net numeric CHECK (tax(net) < 1000), tax numeric DEFAULT tax(100));
CREATE VIEW gross AS SELECT id, net + tax(net) AS gross FROM bill;
GRANT EXECUTE ON FUNCTION tax(numeric) TO $app;
COMMENT ON FUNCTION tax(numeric) IS 'of the country';
