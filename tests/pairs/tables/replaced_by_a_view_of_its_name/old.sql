CREATE TABLE user_account (id integer PRIMARY KEY, name text);
CREATE TABLE users (id integer PRIMARY KEY, name text, note text);
CREATE VIEW names AS SELECT name FROM users;
