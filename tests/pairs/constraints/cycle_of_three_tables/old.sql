CREATE TABLE lonely (id integer PRIMARY KEY);
