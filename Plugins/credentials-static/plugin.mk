# SPDX-License-Identifier: Apache-2.0
# How this plugin is built: with sources that it shares with providers of identities and transports.
PLUGIN_CFLAGS := -IPlugins/credentials-common -IPlugins/auth-common -IPlugins/transport-common -Wshadow -Wconversion
PLUGIN_SHARED_SOURCES := Plugins/credentials-common/instance.c $(addprefix Plugins/auth-common/,arena.c file.c \
	options.c provider.c strict.c url.c) Plugins/transport-common/text.c Plugins/transport-common/uri.c
