CREATE TABLE message (id integer CONSTRAINT message_key PRIMARY KEY, body text NOT NULL DEFAULT '', sent date, CHECK (body <> 'x'));
CREATE INDEX message_sent ON message (sent);
CREATE TABLE reply (id integer PRIMARY KEY, message integer REFERENCES message ON DELETE CASCADE);
CREATE VIEW all_msg AS SELECT id, body, sent FROM message;
