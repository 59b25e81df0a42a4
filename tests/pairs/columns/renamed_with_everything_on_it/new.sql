CREATE TABLE orders (id integer PRIMARY KEY, amount numeric(10, 2) NOT NULL DEFAULT 0, note text, CONSTRAINT positive CHECK (amount >= 0));
CREATE INDEX orders_amount_idx ON orders (amount);
CREATE VIEW big AS SELECT id, amount AS total FROM orders WHERE amount > 100;
CREATE POLICY cheap ON orders USING (amount < 1000);
COMMENT ON COLUMN orders.amount IS 'with tax';
GRANT SELECT (amount), UPDATE (amount) ON orders TO $maintenance;
