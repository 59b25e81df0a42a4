CREATE TABLE interval_of (id integer PRIMARY KEY, a date, b timestamp);
CREATE INDEX by_a ON interval_of (a);
