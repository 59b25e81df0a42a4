CREATE TABLE booking (id integer PRIMARY KEY, during tsrange, room box, CONSTRAINT one_at_a_time EXCLUDE USING gist (room WITH &&, during WITH &&) WHERE (id > 0) DEFERRABLE INITIALLY DEFERRED);
