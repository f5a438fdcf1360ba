# SPDX-License-Identifier: Apache-2.0
# One C plugin: every .c file of its folder, plus what its plugin.mk adds, as one shared object. What several of
# our plugins share is compiled as their own files are, what is C++ without exceptions; extra sources are strangers', and may warn.

PLUGIN_CFLAGS :=
PLUGIN_LIBS :=
PLUGIN_SHARED_SOURCES :=
PLUGIN_EXTRA_SOURCES :=
PLUGIN_CXX_SOURCES :=
-include Plugins/$(PLUGIN)/plugin.mk

SOURCES := $(sort $(wildcard Plugins/$(PLUGIN)/*.c))

$(OUT): FORCE
	@echo "plugin $(PLUGIN)"
	@mkdir -p .build/plugins/$(PLUGIN)
	@objects=(); \
	for source in $(PLUGIN_EXTRA_SOURCES); do \
		object=.build/plugins/$(PLUGIN)/extra-$$(basename $$source .c).o; \
		$(CLANG) -O2 -fPIC -fvisibility=hidden -w $(INCLUDES) $(PLUGIN_CFLAGS) -c -o $$object $$source; objects+=($$object); \
	done; \
	for source in $(PLUGIN_SHARED_SOURCES); do \
		object=.build/plugins/$(PLUGIN)/shared-$$(basename $$source .c).o; \
		$(CLANG) $(FLAGS) $(PLUGIN_CFLAGS) -c -o $$object $$source; objects+=($$object); \
	done; \
	for source in $(PLUGIN_CXX_SOURCES); do \
		object=.build/plugins/$(PLUGIN)/cxx-$$(basename $$source .cpp).o; \
		$(CLANG) -x c++ -std=c++17 -fno-exceptions -fno-rtti $(filter-out -std=c11,$(FLAGS)) $(filter-out -std=c11,$(PLUGIN_CFLAGS)) -c -o $$object $$source; objects+=($$object); \
	done; \
	for source in $(SOURCES); do \
		object=.build/plugins/$(PLUGIN)/$$(basename $$source .c).o; \
		$(CLANG) $(FLAGS) $(PLUGIN_CFLAGS) -c -o $$object $$source; objects+=($$object); \
	done; \
	$(CLANG) $(LINK) -o $(OUT).new "$${objects[@]}" $(PLUGIN_LIBS) && mv -f $(OUT).new $(OUT)

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.PHONY: FORCE
FORCE:
