CREATE TABLE account (id integer PRIMARY KEY, code text NOT NULL UNIQUE);
CREATE TABLE entry (id integer PRIMARY KEY, account_id integer NOT NULL REFERENCES account, account_code text);
