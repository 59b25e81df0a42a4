CREATE TABLE dept (id integer PRIMARY KEY, boss integer);
CREATE TABLE emp (id bigint PRIMARY KEY, dept integer NOT NULL);
