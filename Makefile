# The few commands of this project. `make demo` is the place to begin.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo build check test soak bench needs dashboard

help: ## says what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

demo: dashboard ## builds everything and starts the service with stand-ins of Twilio and Chatwoot; prints one address
	cargo build --locked --bin offhook
	./target/debug/offhook demo

build: dashboard ## builds the binary to run for real: target/release/offhook
	cargo build --locked --release --bin offhook

check: dashboard/node_modules ## formatters and lints, warnings are errors
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets --all-features -- -D warnings
	cargo clippy --locked --no-default-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --features test-seams
	if command -v cargo-deny >/dev/null; then cargo deny --offline check licenses bans sources; fi
	cd dashboard-app && npm run --silent check

test: needs dashboard ## every test: Rust, dashboard, pages in a real browser
	./scripts/test.sh

soak: needs ## kills the real service at random while calls come in; real time, before a release
	cargo test --locked --features soak --test it -- crash::random --nocapture

bench: dashboard ## figures, each as `figure value unit`
	cargo build --locked --release --bin offhook
	./target/release/offhook bench

needs:
	./scripts/install-needs.sh

dashboard: buildneeds dashboard/node_modules
	cd dashboard-app && npm run --silent build

.PHONY: buildneeds dashboard/node_modules
buildneeds:
	./scripts/install-needs.sh build

# npm leaves a copy of the lock file inside; as long as it is the newer one, nothing has to be fetched.
dashboard/node_modules:
	if [ ! dashboard-app/node_modules/.package-lock.json -nt dashboard-app/package-lock.json ]; then \
	  cd dashboard-app && npm ci --no-audit --no-fund; fi
