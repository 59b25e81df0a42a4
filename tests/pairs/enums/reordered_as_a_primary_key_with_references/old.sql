CREATE TYPE currency AS ENUM ('usd', 'eur', 'chf');
CREATE TABLE rate (code currency PRIMARY KEY, rate numeric NOT NULL);
CREATE TABLE price (id integer PRIMARY KEY, code currency NOT NULL REFERENCES rate ON DELETE CASCADE, amount numeric);
CREATE STATISTICS price_code (ndistinct) ON code, amount FROM price;
