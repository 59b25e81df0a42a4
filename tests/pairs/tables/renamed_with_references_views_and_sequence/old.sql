CREATE TABLE orders (id bigserial PRIMARY KEY, total numeric, placed date NOT NULL DEFAULT current_date);
CREATE INDEX orders_placed_idx ON orders (placed);
CREATE TABLE line (id integer PRIMARY KEY, order_id bigint NOT NULL REFERENCES orders ON DELETE CASCADE);
CREATE VIEW recent AS SELECT id, total FROM orders WHERE placed > '2024-01-01';
COMMENT ON TABLE orders IS 'what is bought';
