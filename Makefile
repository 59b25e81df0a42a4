# Thin over cargo. Both targets first make sure that PostgreSQL's programs exist.

.PHONY: demo test check build postgres

# Start the daemon in a scratch directory and walk through everything it does; then it stays up. Ctrl-C ends it.
demo: postgres
	cargo run --release --locked -- demo $(DEMO_FLAGS)

# The whole suite, against a real PostgreSQL of its own.
test: postgres
	cargo test --locked

# Format, lints and documentation, as CI checks them.
check:
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items

build:
	cargo build --release --locked

postgres:
	@deploy/install-postgresql.sh
