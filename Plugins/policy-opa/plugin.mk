# SPDX-License-Identifier: Apache-2.0
# How this plugin is built: with the sources that all policies share.
PLUGIN_CFLAGS := -IPlugins/policy-common -Wshadow -Wconversion
PLUGIN_SHARED_SOURCES := $(addprefix Plugins/policy-common/,instance.c options.c)
