# SPDX-License-Identifier: Apache-2.0
# How this plugin is built: with libpq, and the sources that all stores share.
PLUGIN_CFLAGS := -std=c11 -Iplugin-sdk/include -IPlugins/store-common -isystem /usr/include/postgresql -Wshadow -Wconversion
PLUGIN_EXTRA_SOURCES := $(addprefix Plugins/store-common/,answer.c check.c dial.c host.c limit.c link.c setting.c watch.c)
PLUGIN_LIBS := -lpq -lpthread
