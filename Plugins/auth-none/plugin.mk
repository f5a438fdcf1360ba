# SPDX-License-Identifier: Apache-2.0
# How this plugin is built: with the sources that all providers of identities share.
PLUGIN_CFLAGS := -IPlugins/auth-common -Wshadow -Wconversion
PLUGIN_SHARED_SOURCES := $(addprefix Plugins/auth-common/,arena.c instance.c options.c principal.c provider.c strict.c)
