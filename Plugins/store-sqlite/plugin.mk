# SPDX-License-Identifier: Apache-2.0
# How this plugin is built: with SQLite, and the sources that all stores share.
PLUGIN_CFLAGS := -std=c11 -Iplugin-sdk/include -IPlugins/store-common -Wshadow -Wconversion
PLUGIN_EXTRA_SOURCES := $(addprefix Plugins/store-common/,answer.c check.c host.c limit.c setting.c watch.c)
PLUGIN_LIBS := -lsqlite3 -lpthread
