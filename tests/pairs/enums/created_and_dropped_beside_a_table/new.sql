CREATE TYPE new_kind AS ENUM ('x', 'y', 'it''s', 'Zwölf');
CREATE TABLE thing (id integer PRIMARY KEY, n new_kind DEFAULT 'it''s');
CREATE TABLE other (id integer PRIMARY KEY, many new_kind[] DEFAULT '{x,y}');
COMMENT ON TYPE new_kind IS 'with an ''apostrophe''';
