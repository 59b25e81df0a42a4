-- Rows for the example schema: 500 customers, 40 products, 2,000 orders. Run it as the application role.
INSERT INTO customers (email, name)
    SELECT 'customer' || n || '@example.org', 'Customer ' || n FROM generate_series(1, 500) AS n;

INSERT INTO products (name, price)
    SELECT 'Product ' || n, n * 1.25 FROM generate_series(1, 40) AS n;

INSERT INTO orders (customer, state)
    SELECT 1 + n % 500, (ARRAY['open', 'paid', 'shipped'])[1 + n % 3]::order_state
    FROM generate_series(1, 2000) AS n;

INSERT INTO order_items (order_id, product, quantity)
    SELECT orders.id, 1 + (orders.id + n) % 40, 1 + n
    FROM orders, generate_series(0, 2) AS n;
