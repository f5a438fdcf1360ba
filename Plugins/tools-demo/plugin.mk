# SPDX-License-Identifier: Apache-2.0
# Builds tools-demo.so: the Swift SDK as a static module of its own, the plugin, the manifest's C object.
#   make -f Plugins/tools-demo/plugin.mk swift-plugin OUT=… BUILD=… INCLUDE=plugin-sdk/include

OUT ?= dist/lib/jackfield/plugins
BUILD ?= .build/plugins/tools-demo
INCLUDE ?= plugin-sdk/include
SDK ?= plugin-sdk/swift
CLANG ?= clang
SWIFTC ?= swiftc

PLUGIN := Plugins/tools-demo
SDK_SOURCES := $(sort $(shell find $(SDK)/Sources/JackfieldPlugin -name '*.swift'))
LOCK := $(SDK)/Sources/CPluginLock
SOURCES := $(sort $(wildcard $(PLUGIN)/*.swift))
HEADERS := $(wildcard $(INCLUDE)/jackfield/*) $(wildcard $(LOCK)/include/*)

# Only libswiftCore is needed, so nothing may import the two modules that the compiler adds by itself.
SWIFT_FLAGS := -j1 -swift-version 6 -O -wmo -parse-as-library -warnings-as-errors \
	-enable-upcoming-feature ExistentialAny -enable-upcoming-feature MemberImportVisibility \
	-enable-experimental-feature Lifetimes \
	-Xfrontend -disable-implicit-string-processing-module-import \
	-Xfrontend -disable-implicit-concurrency-module-import \
	-I $(INCLUDE)/jackfield -I $(LOCK)/include
C_FLAGS := -O2 -fPIC -fvisibility=hidden -Wall -Wextra -Werror -I$(INCLUDE) -I$(LOCK)/include

.PHONY: swift-plugin
swift-plugin: $(OUT)/tools-demo.so
	@:

# The ABI name sets this copy of the SDK apart from those of other plugins in the same process.
$(BUILD)/JackfieldPlugin.o: $(SDK_SOURCES) $(HEADERS) $(PLUGIN)/plugin.mk
	@mkdir -p $(@D)
	@$(SWIFTC) $(SWIFT_FLAGS) -module-name JackfieldPlugin -module-abi-name JackfieldPlugin_tools_demo -static \
		-emit-module -emit-module-path $(BUILD)/JackfieldPlugin.swiftmodule -emit-object -o $@ $(SDK_SOURCES)

$(BUILD)/manifest.o: $(PLUGIN)/manifest/manifest.c $(HEADERS)
	@mkdir -p $(@D)
	@$(CLANG) -std=gnu11 $(C_FLAGS) -c -o $@ $<

$(BUILD)/plugin_lock.o: $(LOCK)/plugin_lock.c $(HEADERS)
	@mkdir -p $(@D)
	@$(CLANG) -std=c11 $(C_FLAGS) -c -o $@ $<

$(OUT)/tools-demo.so: $(SOURCES) $(PLUGIN)/exports.map $(BUILD)/JackfieldPlugin.o $(BUILD)/manifest.o \
		$(BUILD)/plugin_lock.o
	@echo "plugin tools-demo"
	@mkdir -p $(@D)
	@$(SWIFTC) $(SWIFT_FLAGS) -module-name tools_demo -I $(BUILD) -emit-library -o $(BUILD)/tools-demo.so \
		$(SOURCES) $(BUILD)/JackfieldPlugin.o $(BUILD)/manifest.o $(BUILD)/plugin_lock.o \
		-use-ld=lld -Xlinker --version-script=$(PLUGIN)/exports.map -Xlinker --gc-sections \
		-Xlinker -z -Xlinker relro -Xlinker -z -Xlinker now -Xlinker --no-undefined \
		-no-toolchain-stdlib-rpath -Xlinker -rpath -Xlinker '$$ORIGIN/..'
	@install -m 755 $(BUILD)/tools-demo.so $@.new && mv -f $@.new $@
