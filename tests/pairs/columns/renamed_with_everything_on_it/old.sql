CREATE TABLE orders (id integer PRIMARY KEY, total numeric(10, 2) NOT NULL DEFAULT 0, note text, CONSTRAINT positive CHECK (total >= 0));
CREATE INDEX orders_total_idx ON orders (total);
CREATE VIEW big AS SELECT id, total FROM orders WHERE total > 100;
CREATE POLICY cheap ON orders USING (total < 1000);
COMMENT ON COLUMN orders.total IS 'with tax';
GRANT SELECT (total), UPDATE (total) ON orders TO $maintenance;
