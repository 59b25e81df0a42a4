CREATE TABLE kept (id integer PRIMARY KEY, a text, b text);
CREATE TABLE fresh (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kept integer REFERENCES kept ON DELETE CASCADE, at timestamptz NOT NULL DEFAULT now());
CREATE INDEX fresh_kept ON fresh (kept);
COMMENT ON TABLE fresh IS 'new here';
COMMENT ON COLUMN fresh.at IS 'when';
