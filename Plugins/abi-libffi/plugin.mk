# SPDX-License-Identifier: Apache-2.0
# How this plugin is built: libffi is linked, nothing else.
PLUGIN_CFLAGS := -D_GNU_SOURCE -Wshadow -Wconversion
PLUGIN_LIBS := -lffi -lpthread
