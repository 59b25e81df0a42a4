CREATE TABLE inner_row (a integer, b text);
CREATE TABLE holder (id integer PRIMARY KEY, r inner_row, rs inner_row[]);
CREATE FUNCTION of_inner(r inner_row) RETURNS text LANGUAGE sql AS $$ SELECT r.b $$;
