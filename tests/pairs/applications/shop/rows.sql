INSERT INTO customer (email) VALUES ('a@example.org'), ('b@example.org');
INSERT INTO category (name) VALUES ('books'), ('games');
INSERT INTO product (category, sku, title, price, attributes) VALUES (1, 'b1', 'A Book', 12.50, '{"pages": 100}'), (2, 'g1', 'A Game', 30, '{}');
INSERT INTO orders (customer, status, placed) VALUES (1, 'paid', '2024-01-01'), (2, 'cart', NULL);
INSERT INTO order_line VALUES (1, 1, 2, 12.50), (1, 2, 1, 30);
REFRESH MATERIALIZED VIEW best_sellers;
