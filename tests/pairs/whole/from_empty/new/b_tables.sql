CREATE TABLE ledger (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer integer NOT NULL REFERENCES customer, amount positive NOT NULL, k kind NOT NULL DEFAULT 'credit');
