# SPDX-License-Identifier: Apache-2.0
# How this plugin is built: OpenSSL is loaded at run time, its headers are not needed.
PLUGIN_LIBS := -lpthread -ldl
