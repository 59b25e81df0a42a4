CREATE SCHEMA a;
CREATE SCHEMA b;
CREATE TABLE a.m (id integer NOT NULL, v text);
CREATE TABLE b.m (id integer NOT NULL, v text);
