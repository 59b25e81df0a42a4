CREATE TYPE order_state AS ENUM ('open', 'paid', 'shipped');

CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer bigint NOT NULL REFERENCES customers,
    state order_state NOT NULL DEFAULT 'open',
    ordered_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX orders_customer ON orders (customer);

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
