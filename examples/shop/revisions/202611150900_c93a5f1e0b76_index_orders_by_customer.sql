-- revision: c93a5f1e0b76
-- down_revision: 7be4410c58d2
-- message: index orders by customer
-- created: 2026-11-15T09:00:00Z
-- transactional: false

-- upgrade
CREATE INDEX CONCURRENTLY orders_customer ON orders (customer);

-- downgrade
DROP INDEX CONCURRENTLY orders_customer;
