# SPDX-License-Identifier: Apache-2.0
# Jackfield. The two commands to know: `make run` (a working demo) and `make test` (every test).

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

CONFIG ?= release
PREFIX ?= /usr/local
VERSION := $(shell sed -n 's/.*static let version = "\(.*\)"/\1/p' Sources/JackfieldCore/Gateway/Plan.swift)
DESTDIR ?=
DIST := dist
CLANG ?= clang
SWIFT ?= swift

PLUGIN_DIR := $(DIST)/lib/jackfield/plugins
RUNTIME_DIR := $(DIST)/lib/jackfield
INCLUDE := plugin-sdk/include

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1|\2/' | awk -F'|' '{ printf "  make %-18s %s\n", $$1, $$2 }'

include scripts/build.mk
include scripts/checks.mk
