CREATE FUNCTION tax(n numeric, rate numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT n * rate $$;
CREATE TABLE bill (id integer PRIMARY KEY, net numeric CHECK (tax(net, 0.19) < 1000), tax numeric DEFAULT tax(100, 0.07));
CREATE VIEW gross AS SELECT id, net + tax(net, 0.19) AS gross FROM bill;
GRANT EXECUTE ON FUNCTION tax(numeric, numeric) TO $app;
COMMENT ON FUNCTION tax(numeric, numeric) IS 'of the country';
