CREATE SEQUENCE numbers;
CREATE FUNCTION start_value() RETURNS integer LANGUAGE sql AS $$ SELECT 41 $$;
CREATE TABLE t (
    id integer PRIMARY KEY DEFAULT nextval('numbers'),
    a integer DEFAULT start_value(),
    b text DEFAULT 'it''s',
    c text DEFAULT NULL,
    d text DEFAULT E'a\nb',
    e interval DEFAULT '1 day'
);
