CREATE DOMAIN word AS varchar(20);
CREATE DOMAIN name AS word CHECK (VALUE <> '');
CREATE TABLE people (id integer PRIMARY KEY, first name, last name, aliases word[]);
CREATE FUNCTION greet(n name) RETURNS word LANGUAGE sql IMMUTABLE AS $$ SELECT 'hi'::word $$;
CREATE INDEX people_greet ON people (greet(first));
