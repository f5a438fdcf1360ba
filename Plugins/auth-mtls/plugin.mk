# SPDX-License-Identifier: Apache-2.0
# How this plugin is built: with sources that providers of identities share; OpenSSL is loaded at run time.
PLUGIN_CFLAGS := -IPlugins/auth-common -Wshadow -Wconversion
PLUGIN_SHARED_SOURCES := $(addprefix Plugins/auth-common/,arena.c file.c instance.c library.c options.c principal.c provider.c strict.c)
PLUGIN_LIBS := -lpthread -ldl
