# SPDX-License-Identifier: Apache-2.0
# Checking: tests of every kind, lint, formatting, benchmarks, documentation.

CHECK_BUILD := .build/checks
SWIFT_SOURCES := Sources Tests plugin-sdk/swift plugin-sdk/examples/swift Plugins Package.swift
C_FILES = $(shell git ls-files '*.c' '*.h' '*.cpp' '*.hpp' ':!:Tests/Integration/schemas')
MOCK := $(wildcard plugin-sdk/testing/c/*.c)

.PHONY: test
test: ## Run every test (installs what they need)
	@scripts/test.sh

.PHONY: test-unit
test-unit: ## Swift unit tests only
	@$(SWIFT) test --disable-sandbox 2>&1 | scripts/quiet-build.sh

.PHONY: test-abi
test-abi: ## ABI gates: golden layout, headers, abidiff, exports, frozen plugins, old hosts (needs a build)
	@plugin-sdk/abi/run.sh $(DIST)/bin/jackfield $(PLUGIN_DIR) $(CHECK_BUILD)/abi

# Each plugin's test is a program that drives the built plugin through the mock host.
.PHONY: test-plugins
test-plugins: ## Plugins against the mock host
	@scripts/test-plugins.sh "$(CLANG)" "$(PLUGIN_DIR)" "$(CHECK_BUILD)/plugins"

# One compiler here: `plugin-sdk/cpp/tests/run.sh FOLDER` without a name takes both, and several minutes.
.PHONY: test-sdk
test-sdk: ## The C++ and Rust SDKs and their examples
	@sh plugin-sdk/cpp/tests/run.sh $(CHECK_BUILD)/cpp g++
	@scripts/test-rust.sh $(CHECK_BUILD)/rust

.PHONY: test-gallery
test-gallery: ## Bad plugins that `plugin check` must catch
	@Tests/Gallery/run.sh $(DIST)/bin/jackfield $(CHECK_BUILD)/gallery

.PHONY: test-integration
test-integration: ## The real binary against official SDKs and servers
	@Tests/Integration/run.sh $(ARGS)

.PHONY: test-conformance
test-conformance: ## The official suite's required scenarios, directly and across eras
	@Tests/Conformance/run.sh $(ARGS)

.PHONY: conformance-page
conformance-page: ## Run them all and write docs/reference/conformance.md
	@Tests/Conformance/run.sh --write

.PHONY: test-counts
test-counts: ## System calls and allocations per call against their thresholds
	@python3 Tests/Benchmarks/counts/counts.py

.PHONY: fuzz
fuzz: ## Fuzz every target for FUZZ_SECONDS each (default 60)
	@scripts/fuzz.sh $${FUZZ_SECONDS:-60}

.PHONY: bench
bench: build ## Compare with nginx, haproxy and Envoy in one run; WRITE=1 updates docs/benchmarks.md
	@scripts/setup.sh bench
	@python3 Tests/Benchmarks/bench.py $(if $(WRITE),--write) $(ARGS)

.PHONY: lint
lint: ## Formatting, module arrows, file sizes, house rules
	@scripts/lint.sh

.PHONY: format
format: ## Rewrite sources in house style
	@$(SWIFT) format --in-place --recursive --parallel $(wildcard $(SWIFT_SOURCES))
	@clang-format -i $(C_FILES)

.PHONY: docs
docs: build ## Generate the reference pages from their sources
	@scripts/docs.sh $(DIST)
