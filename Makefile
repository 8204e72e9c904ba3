# What a developer does here, one word each. Needs Rust and a C compiler; what else is missing is installed when it is
# needed, through apt-get, if this is run as root.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c

# Each is a promise to embedders: it builds and passes the lints alone.
FEATURE_SETS := metrics dns gossip bench core server

SECONDS_PER_TARGET := 10
APT := apt-get install -y --no-install-recommends

# Installs packages, if a command fails that needs them: $(call unless,COMMAND,WHAT IS MISSING,PACKAGES)
define unless
$(1) >/dev/null 2>&1 || { \
		if [ "$$(id -u)" != 0 ]; then echo '$(2) is missing: as root, apt-get install $(3)' >&2; exit 1; fi; \
		apt-get update && $(APT) $(3); \
	}
endef

# Installs a program's package, if the program is not there: $(call need,PROGRAM,PACKAGE)
need = $(call unless,command -v $(1),$(1),$(2))

.PHONY: help crash-points etcd test test-bare check fmt lint doc loom long python-check bench bench-compare instructions fuzz deny sim sim-short

help: ## List these
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

etcd: ## Install the etcd that tests start, unless there is one
	$(call need,etcd,etcd-server)

test: etcd ## Run every test: unit, property, integration, documentation
	cargo test --locked

test-bare: ## The same for the library with no features at all
	cargo test --locked --no-default-features

check: fmt lint doc test-bare test ## All that a change has to pass

fmt: ## Check the formatting
	cargo fmt --check
	cargo fmt --check --manifest-path fuzz/Cargo.toml
	cargo fmt --check --manifest-path benches/compare/Cargo.toml

lint: ## Lint everything, with each set of features, warnings denied
	cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked --all-targets --no-default-features -- -D warnings
	cargo clippy --locked --all-targets --no-default-features --features client -- -D warnings
	for features in $(FEATURE_SETS); do \
		echo "features: $$features"; \
		cargo clippy --locked --lib --no-default-features --features "$$features" -- -D warnings; \
	done
	cargo clippy --locked --manifest-path benches/compare/Cargo.toml -- -D warnings

doc: ## Build the documentation, warnings denied
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps

# Debian's own Python, because its packages are for that one.
PYTHON := /usr/bin/python3

python-check: ## Hold a distributor to what Cadence's clients expect, from Python
	$(call unless,$(PYTHON) -c 'import grpc; import grpc_tools',grpcio for $(PYTHON),python3-grpcio python3-grpc-tools)
	cargo test --locked --test it --no-run
	$(PYTHON) tests/python/cadence_check.py target/debug/shardway

sim: ## Simulate 10,000 seeds of 10 virtual minutes each
	cargo run --locked --profile dist -- sim --seeds 10000 --minutes 10

SIM := cargo test --locked --profile sim --no-default-features --features core --lib sim::

sim-short: ## Simulate 300 seeds, and find every planted fault
	$(SIM)

loom: ## Model-check the snapshot cell
	cargo test --locked --release --test loom

long: etcd ## Property tests, many cases
	PROPTEST_CASES=20000 cargo test --locked --release

crash-points: ## Crash the embedded store at 10,000 points, and kill it 100 times
	CRASH_POINTS=10000 KILLS=100 cargo test --locked --lib --test it -- crash_tests:: embedded_kill::

bench: ## Benchmarks of this package
	cargo bench --locked

bench-compare: ## The same keys through other crates' rings
	cargo run --locked --release --manifest-path benches/compare/Cargo.toml

instructions: ## Count the instructions of a lookup, and fail when they are too many
	$(call need,valgrind,valgrind)
	cargo bench --locked --no-default-features --features bench --bench instructions

fuzz: ## Run every fuzz target, SECONDS_PER_TARGET each
	$(call need,c++,g++)
	fuzz/run $(SECONDS_PER_TARGET)

deny: ## Check licences, banned crates and sources
	.ci/cargo-deny --all-features --locked check licenses bans sources
