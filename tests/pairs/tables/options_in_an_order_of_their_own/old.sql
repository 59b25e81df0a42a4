CREATE TABLE kept (id integer) WITH (fillfactor = 70);
