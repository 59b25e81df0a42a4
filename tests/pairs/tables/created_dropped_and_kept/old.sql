CREATE TABLE kept (id integer PRIMARY KEY, a text);
CREATE TABLE gone (id integer PRIMARY KEY, kept integer REFERENCES kept, extra date);
CREATE INDEX gone_kept ON gone (kept);
