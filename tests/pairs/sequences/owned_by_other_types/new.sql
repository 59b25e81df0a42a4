CREATE TABLE notes (day date, total numeric(12,2), id bigint);
CREATE SEQUENCE notes_day_seq OWNED BY notes.day;
CREATE SEQUENCE notes_total_seq OWNED BY notes.total;
CREATE SEQUENCE notes_id_seq OWNED BY notes.id;
ALTER TABLE notes ALTER id SET DEFAULT nextval($s$notes_id_seq$s$);
