CREATE TABLE purchases (id bigserial PRIMARY KEY, total numeric, placed date NOT NULL DEFAULT current_date);
CREATE INDEX purchases_placed_idx ON purchases (placed);
CREATE TABLE line (id integer PRIMARY KEY, order_id bigint NOT NULL REFERENCES purchases ON DELETE CASCADE);
CREATE VIEW recent AS SELECT id, total FROM purchases WHERE placed > '2024-01-01';
COMMENT ON TABLE purchases IS 'what is bought';
