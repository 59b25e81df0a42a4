CREATE TABLE interval_of (id integer PRIMARY KEY, b date, a timestamp);
CREATE INDEX by_a ON interval_of (a);
