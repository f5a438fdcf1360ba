# SPDX-License-Identifier: Apache-2.0
# How this plugin is built: with sources that providers of identities and transports share; OpenSSL is loaded at
# run time.
PLUGIN_CFLAGS := -IPlugins/auth-common -IPlugins/transport-common -Wshadow -Wconversion
PLUGIN_SHARED_SOURCES := $(addprefix Plugins/auth-common/,arena.c claims.c instance.c library.c options.c principal.c \
	provider.c strict.c url.c) Plugins/transport-common/text.c Plugins/transport-common/uri.c
PLUGIN_LIBS := -lpthread -ldl
