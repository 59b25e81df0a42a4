-- revision: 7be4410c58d2
-- down_revision: 1f0c2d7a9b31
-- message: orders
-- created: 2026-11-08T09:00:00Z

-- upgrade
CREATE TYPE order_state AS ENUM ('open', 'paid', 'shipped');

CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer bigint NOT NULL REFERENCES customers,
    state order_state NOT NULL DEFAULT 'open',
    ordered_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE order_items (
    order_id bigint NOT NULL REFERENCES orders ON DELETE CASCADE,
    product bigint NOT NULL REFERENCES products,
    quantity integer NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (order_id, product)
);

CREATE VIEW order_totals AS
    SELECT order_items.order_id, sum(order_items.quantity * products.price) AS total
    FROM order_items JOIN products ON products.id = order_items.product
    GROUP BY order_items.order_id;

-- downgrade
DROP VIEW order_totals;
DROP TABLE order_items;
DROP TABLE orders;
DROP TYPE order_state;
