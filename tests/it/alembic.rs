//! Real Alembic beside pgsteward: the same plans, the same database, and its projects imported.

mod differential;
mod import;
mod shop;
mod together;
