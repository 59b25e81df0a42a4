CREATE SEQUENCE other_numbers START 100;
CREATE FUNCTION start_value(plus integer DEFAULT 1) RETURNS integer LANGUAGE sql AS $$ SELECT 41 + plus $$;
CREATE TABLE t (
    id integer PRIMARY KEY DEFAULT nextval('other_numbers'),
    a integer DEFAULT start_value(2),
    b text,
    c text DEFAULT 'null',
    d text DEFAULT current_user,
    e interval DEFAULT '2 days'
);
