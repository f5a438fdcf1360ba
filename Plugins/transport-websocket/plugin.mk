# SPDX-License-Identifier: Apache-2.0
# How this plugin is built: framing by Debian's libwslay, handshakes by Debian's llhttp sources.
PLUGIN_CFLAGS := -I/usr/share/include/llhttp -DLLHTTP_STRICT_MODE=1 -IPlugins/transport-common
PLUGIN_EXTRA_SOURCES := /usr/share/llhttp/api.c /usr/share/llhttp/http.c /usr/share/llhttp/llhttp.c
PLUGIN_SHARED_SOURCES := $(wildcard Plugins/transport-common/*.c)
PLUGIN_LIBS := -lwslay -lpthread -ldl
