# SPDX-License-Identifier: Apache-2.0
# How this plugin is built: with what all filters share, and RE2.
PLUGIN_CFLAGS := -IPlugins/filter-common -Wshadow -Wconversion
PLUGIN_SHARED_SOURCES := $(addprefix Plugins/filter-common/,instance.c bytes.c)
PLUGIN_CXX_SOURCES := Plugins/filter-common/pattern.cpp
PLUGIN_LIBS := -lm -lre2 -lstdc++ -Wl,--version-script=plugin-sdk/cmake/exports.map
