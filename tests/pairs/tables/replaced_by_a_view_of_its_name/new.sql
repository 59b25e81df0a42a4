CREATE TABLE user_account (id integer PRIMARY KEY, name text);
CREATE VIEW users AS SELECT id, name FROM user_account;
CREATE VIEW names AS SELECT name FROM users;
