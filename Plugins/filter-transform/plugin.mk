# SPDX-License-Identifier: Apache-2.0
# How this plugin is built: with what all filters share.
PLUGIN_CFLAGS := -IPlugins/filter-common -Wshadow -Wconversion
PLUGIN_SHARED_SOURCES := $(addprefix Plugins/filter-common/,instance.c bytes.c)
