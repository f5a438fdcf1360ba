# SPDX-License-Identifier: Apache-2.0
# How this plugin is built: libc only. JSON is read and written by the same two files as in tools-native.
PLUGIN_CFLAGS := -D_GNU_SOURCE -Wshadow -Wconversion -IPlugins/tools-native
PLUGIN_EXTRA_SOURCES := Plugins/tools-native/json_read.c Plugins/tools-native/json_write.c
PLUGIN_LIBS := -lm
