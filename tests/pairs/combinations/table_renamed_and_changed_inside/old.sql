CREATE TABLE msg (id integer PRIMARY KEY, body text, sent date);
CREATE TABLE reply (id integer PRIMARY KEY, msg integer REFERENCES msg);
CREATE VIEW all_msg AS SELECT id, body FROM msg;
