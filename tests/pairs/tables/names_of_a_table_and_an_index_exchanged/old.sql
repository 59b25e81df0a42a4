CREATE TABLE alpha (id integer, v integer);
CREATE INDEX beta ON alpha (v);
CREATE SEQUENCE gamma;
