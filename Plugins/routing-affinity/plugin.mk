# SPDX-License-Identifier: Apache-2.0
# How this plugin is built: with the sources that all routing strategies share.
PLUGIN_CFLAGS := -std=c11 -Iplugin-sdk/include -IPlugins/routing-common -Wshadow -Wconversion
PLUGIN_EXTRA_SOURCES := $(addprefix Plugins/routing-common/,instance.c map.c options.c state.c json_path.c key.c)
PLUGIN_LIBS := -lm
