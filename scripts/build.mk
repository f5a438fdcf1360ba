# SPDX-License-Identifier: Apache-2.0
# Building: the Swift half with SwiftPM, C plugins with clang, both into one relocatable tree.

# ---- what Debian must have -------------------------------------------------------------------------------

.PHONY: setup
setup: ## Install the Debian packages that are missing
	@scripts/setup.sh build

# ---- executables -----------------------------------------------------------------------------------------

SWIFT_FLAGS := -c $(CONFIG) --disable-sandbox -Xswiftc -no-toolchain-stdlib-rpath \
	-Xlinker -rpath -Xlinker '$$ORIGIN/../lib/jackfield'

.PHONY: build
build: setup executables plugins headers ## Build everything into dist/

.PHONY: executables
executables:
	@$(SWIFT) build $(SWIFT_FLAGS) --product jackfield
	@$(SWIFT) build $(SWIFT_FLAGS) --product jackfield-cell
	@mkdir -p $(DIST)/bin $(DIST)/share/jackfield $(RUNTIME_DIR)
	@for program in jackfield jackfield-cell; do \
		install -m 755 ".build/$(CONFIG)/$$program" "$(DIST)/bin/.$$program" && mv -f "$(DIST)/bin/.$$program" "$(DIST)/bin/$$program"; \
	done
	@scripts/runtime.sh $(DIST)

# ---- plugins ---------------------------------------------------------------------------------------------

PLUGIN_SOURCES := $(wildcard Plugins/*/*.c)
C_PLUGINS := $(sort $(patsubst Plugins/%/,%,$(dir $(PLUGIN_SOURCES))))
C_PLUGINS := $(filter-out $(patsubst Plugins/%/Package.kind,%,$(wildcard Plugins/*/Package.kind)),$(C_PLUGINS))

# The ABI, and what the SDK adds for C.
C_PLUGIN_INCLUDES := -I$(INCLUDE) -Iplugin-sdk/c/include
C_PLUGIN_FLAGS := -std=c11 -O2 -g1 -fPIC -fvisibility=hidden -fno-strict-aliasing \
	-Wall -Wextra -Wpedantic -Werror $(C_PLUGIN_INCLUDES)
# lld: the toolchain's default linker exports its own section symbols from every library.
C_PLUGIN_LINK := -fuse-ld=lld -shared -Wl,-z,relro,-z,now -Wl,--as-needed -Wl,--no-undefined

.PHONY: plugins
plugins: $(C_PLUGINS:%=$(PLUGIN_DIR)/%.so) swift-plugins

define c_plugin
$(PLUGIN_DIR)/$(1).so: $$(wildcard Plugins/$(1)/*.[ch] Plugins/$(1)/plugin.mk) $$(wildcard $(INCLUDE)/jackfield/*.h plugin-sdk/c/include/jackfield/*.h)
	@mkdir -p $$(@D)
	@$$(MAKE) --no-print-directory -f scripts/c-plugin.mk PLUGIN=$(1) OUT=$$@ CLANG="$(CLANG)" \
		INCLUDES='$(C_PLUGIN_INCLUDES)' FLAGS='$(C_PLUGIN_FLAGS)' LINK='$(C_PLUGIN_LINK)'
endef
$(foreach plugin,$(C_PLUGINS),$(eval $(call c_plugin,$(plugin))))

# They compile some of their neighbours' sources in.
$(PLUGIN_DIR)/transport-http.so $(PLUGIN_DIR)/transport-websocket.so: $(wildcard Plugins/transport-common/*.[ch])
$(PLUGIN_DIR)/tools-composite.so: $(wildcard Plugins/tools-native/json*.[ch])
$(filter $(PLUGIN_DIR)/auth-%,$(C_PLUGINS:%=$(PLUGIN_DIR)/%.so)): $(wildcard Plugins/auth-common/*.[ch])
$(PLUGIN_DIR)/auth-jwt.so: $(wildcard Plugins/transport-common/*.[ch] Plugins/seal-openssl/base64.[ch])
$(PLUGIN_DIR)/auth-introspection.so: $(wildcard Plugins/transport-common/*.[ch])
$(filter $(PLUGIN_DIR)/routing-%,$(C_PLUGINS:%=$(PLUGIN_DIR)/%.so)): $(wildcard Plugins/routing-common/*.[ch])
$(filter $(PLUGIN_DIR)/store-%,$(C_PLUGINS:%=$(PLUGIN_DIR)/%.so)): $(wildcard Plugins/store-common/*.[ch])
$(PLUGIN_DIR)/filter-rate-limit.so: $(wildcard Plugins/store-common/*.[ch] Plugins/store-memory/limits.[ch])
$(filter $(PLUGIN_DIR)/policy-%,$(C_PLUGINS:%=$(PLUGIN_DIR)/%.so)): $(wildcard Plugins/policy-common/*.[ch])

$(filter $(PLUGIN_DIR)/filter-%,$(C_PLUGINS:%=$(PLUGIN_DIR)/%.so)): $(wildcard Plugins/filter-common/*.[ch] Plugins/filter-common/*.cpp)
$(filter $(PLUGIN_DIR)/credentials-%,$(C_PLUGINS:%=$(PLUGIN_DIR)/%.so)): $(wildcard Plugins/credentials-common/*.[ch] \
	Plugins/auth-common/*.[ch])

# Plugins in Swift bring their own recipe, `swift-plugin`.
SWIFT_PLUGINS := $(patsubst Plugins/%/plugin.mk,%,$(shell grep -l '^swift-plugin:' Plugins/*/plugin.mk 2>/dev/null))

.PHONY: swift-plugins
swift-plugins:
	@mkdir -p $(PLUGIN_DIR)
	@for plugin in $(SWIFT_PLUGINS); do \
		$(MAKE) --no-print-directory -f Plugins/$$plugin/plugin.mk swift-plugin OUT=$(PLUGIN_DIR) \
			BUILD=.build/plugins/$$plugin INCLUDE=$(INCLUDE); \
	done

# ---- headers, installation -------------------------------------------------------------------------------

.PHONY: headers
headers:
	@mkdir -p $(DIST)/include $(DIST)/share/pkgconfig $(DIST)/share/jackfield
	@cp -r $(INCLUDE)/jackfield $(DIST)/include/
	@sed 's/@VERSION@/$(VERSION)/' plugin-sdk/pkgconfig/jackfield.pc.in >$(DIST)/share/pkgconfig/jackfield.pc
	@rm -rf $(DIST)/share/jackfield/testing && cp -rL plugin-sdk/testing $(DIST)/share/jackfield/
	@cp plugin-sdk/c/include/jackfield/*.h plugin-sdk/cpp/include/jackfield/*.hpp $(DIST)/include/jackfield/
	@mkdir -p $(DIST)/share/jackfield/testing/cpp $(DIST)/share/cmake/Jackfield
	@cp -r plugin-sdk/cpp/testing/jackfield $(DIST)/share/jackfield/testing/cpp/
	@sed 's/@VERSION@/$(VERSION)/' plugin-sdk/pkgconfig/jackfield-testing.pc.in >$(DIST)/share/pkgconfig/jackfield-testing.pc
	@for f in JackfieldConfig JackfieldConfigVersion; do \
		sed 's/@VERSION@/$(VERSION)/' plugin-sdk/cmake/$$f.cmake.in >$(DIST)/share/cmake/Jackfield/$$f.cmake; \
	done
	@cp plugin-sdk/cmake/exports.map $(DIST)/share/cmake/Jackfield/
	@rm -rf $(DIST)/share/jackfield/sdk && mkdir -p $(DIST)/share/jackfield/sdk/examples
	@cp -rL plugin-sdk/swift $(DIST)/share/jackfield/sdk/swift
	@cp -rL plugin-sdk/examples/swift plugin-sdk/examples/routing-by-name.json $(DIST)/share/jackfield/sdk/examples/
	@cp -r plugin-sdk/templates $(DIST)/share/jackfield/sdk/
	@find $(DIST)/share/jackfield/sdk -name .build -prune -exec rm -rf {} +
	@rm -rf $(DIST)/share/jackfield/rust && cp -r plugin-sdk/rust $(DIST)/share/jackfield/rust
	@rm -rf $(DIST)/share/jackfield/rust/target $(DIST)/share/jackfield/rust/Cargo.lock
	@cp LICENSE $(DIST)/share/jackfield/

.PHONY: install
install: build ## Copy the tree to PREFIX (default /usr/local)
	@mkdir -p "$(DESTDIR)$(PREFIX)"
	@cp -r $(DIST)/. "$(DESTDIR)$(PREFIX)/"

.PHONY: clean
clean: ## Remove everything that was built
	@rm -rf .build dist

# ---- running ---------------------------------------------------------------------------------------------

.PHONY: run
run: build ## Serve a working demo on http://127.0.0.1:8808/mcp
	@scripts/demo.sh $(DIST)
