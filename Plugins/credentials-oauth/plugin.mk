# SPDX-License-Identifier: Apache-2.0
# How this plugin is built: with sources that it shares with providers of identities, transports and seal-openssl;
# OpenSSL is loaded at run time.
PLUGIN_CFLAGS := -IPlugins/credentials-common -IPlugins/auth-common -IPlugins/transport-common -IPlugins/seal-openssl \
	-Wshadow -Wconversion
PLUGIN_SHARED_SOURCES := Plugins/credentials-common/instance.c $(addprefix Plugins/auth-common/,arena.c library.c \
	options.c provider.c strict.c url.c) Plugins/transport-common/text.c Plugins/transport-common/uri.c \
	Plugins/seal-openssl/base64.c
PLUGIN_LIBS := -lpthread -ldl
