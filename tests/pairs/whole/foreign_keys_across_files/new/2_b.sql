CREATE TABLE b (id integer PRIMARY KEY, a integer REFERENCES a (id));
CREATE INDEX b_a ON b (a);
