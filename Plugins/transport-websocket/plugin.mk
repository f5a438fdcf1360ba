# SPDX-License-Identifier: Apache-2.0
# How this plugin is built: framing by Debian's libwslay, handshakes by Debian's llhttp sources, and the parts of
# transport-http that are the same here: text, URLs, handle tables, buffers, settings, HTTP heads, names, TLS.
PLUGIN_CFLAGS := -I/usr/share/include/llhttp -DLLHTTP_STRICT_MODE=1 -IPlugins/transport-http -Iplugin-sdk/include
PLUGIN_EXTRA_SOURCES := /usr/share/llhttp/api.c /usr/share/llhttp/http.c /usr/share/llhttp/llhttp.c \
	$(addprefix Plugins/transport-http/,buffer.c incoming.c resolve.c settings.c slots.c text.c tls.c uri.c)
PLUGIN_LIBS := -lwslay -lpthread -ldl
