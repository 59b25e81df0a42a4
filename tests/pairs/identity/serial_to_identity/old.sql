CREATE TABLE s (id serial PRIMARY KEY, x text);
CREATE TABLE big (id bigserial PRIMARY KEY);
