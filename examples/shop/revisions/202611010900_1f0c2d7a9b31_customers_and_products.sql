-- revision: 1f0c2d7a9b31
-- down_revision: base
-- message: customers and products
-- created: 2026-11-01T09:00:00Z

-- upgrade
CREATE TABLE customers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL UNIQUE,
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE products (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    price numeric(10, 2) NOT NULL CHECK (price >= 0)
);

-- downgrade
DROP TABLE products;
DROP TABLE customers;
