# SPDX-License-Identifier: Apache-2.0
# How this plugin is built: with what all filters share, RE2, and the SHA-256 of tools-native.
PLUGIN_CFLAGS := -IPlugins/filter-common -IPlugins/tools-native -Wshadow -Wconversion
PLUGIN_SHARED_SOURCES := $(addprefix Plugins/filter-common/,instance.c bytes.c) Plugins/tools-native/sha256.c
PLUGIN_CXX_SOURCES := Plugins/filter-common/pattern.cpp
PLUGIN_LIBS := -lre2 -lstdc++ -Wl,--version-script=plugin-sdk/cmake/exports.map
