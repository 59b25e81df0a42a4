CREATE DOMAIN word AS varchar(40);
CREATE DOMAIN name AS word CHECK (VALUE <> '');
CREATE DOMAIN short_name AS name CHECK (length(VALUE) < 12);
CREATE TABLE people (id integer PRIMARY KEY, first name, last short_name, aliases word[]);
CREATE FUNCTION greet(n name) RETURNS word LANGUAGE sql IMMUTABLE AS $$ SELECT 'hi'::word $$;
CREATE INDEX people_greet ON people (greet(first));
