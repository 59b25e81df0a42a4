CREATE TYPE old_kind AS ENUM ('a', 'b');
CREATE TABLE thing (id integer PRIMARY KEY, o old_kind DEFAULT 'a');
