# SPDX-License-Identifier: Apache-2.0
# How this plugin is built: with the arithmetic of limits and the table of store-memory.
PLUGIN_CFLAGS := -IPlugins/store-common -IPlugins/store-memory -Wshadow -Wconversion
PLUGIN_SHARED_SOURCES := $(addprefix Plugins/store-common/,limit.c host.c) Plugins/store-memory/limits.c
PLUGIN_LIBS := -lpthread
