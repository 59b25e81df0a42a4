CREATE TABLE other (id int);
CREATE TABLE codes (id int);
ALTER TABLE codes ADD CONSTRAINT codes_pkey PRIMARY KEY (id);
ALTER TABLE codes ADD CONSTRAINT codes_once UNIQUE (id);
COMMENT ON CONSTRAINT codes_once ON codes IS $c$again$c$;
