CREATE TABLE account (id integer NOT NULL UNIQUE, code text PRIMARY KEY);
CREATE TABLE entry (id integer PRIMARY KEY, account_id integer NOT NULL REFERENCES account (id), account_code text REFERENCES account);
