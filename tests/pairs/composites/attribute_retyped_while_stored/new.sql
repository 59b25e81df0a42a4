CREATE TYPE money_of AS (amount bigint, currency char(3));
CREATE TABLE ledger (id integer PRIMARY KEY, value money_of NOT NULL);
CREATE INDEX ledger_amount ON ledger (((value).amount));
