CREATE TABLE notes (day date, total numeric(12,2), id bigint);
