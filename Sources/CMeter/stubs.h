/* SPDX-License-Identifier: Apache-2.0
 * The slots of the ABI by number, and room for its tables.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#ifndef JACKFIELD_CMETER_STUBS_H
#define JACKFIELD_CMETER_STUBS_H

#include <jackfield/jackfield.h>

enum {
    JF_SLOT_PLUGIN_CREATE,
    JF_SLOT_PLUGIN_DESTROY,
    JF_SLOT_PLUGIN_FACET,
    JF_SLOT_PLUGIN_START,
    JF_SLOT_PLUGIN_DRAIN,
    JF_SLOT_PLUGIN_STOP,
    JF_SLOT_LISTENER_LISTEN,
    JF_SLOT_LISTENER_UNLISTEN,
    JF_SLOT_LISTENER_REPLY,
    JF_SLOT_LISTENER_CLOSE,
    JF_SLOT_CONNECTOR_OPEN,
    JF_SLOT_CONNECTOR_SEND,
    JF_SLOT_CONNECTOR_CANCEL,
    JF_SLOT_CONNECTOR_CLOSE,
    JF_SLOT_CONNECTOR_USAGE,
    JF_SLOT_TOOLSET_OPEN,
    JF_SLOT_TOOLSET_CLOSE,
    JF_SLOT_TOOLSET_LIST,
    JF_SLOT_TOOLSET_CALL,
    JF_SLOT_TOOLSET_READ,
    JF_SLOT_TOOLSET_PROMPT,
    JF_SLOT_TOOLSET_COMPLETE,
    JF_SLOT_TOOLSET_CANCEL,
    JF_SLOT_ROUTING_ATTACH,
    JF_SLOT_ROUTING_DETACH,
    JF_SLOT_ROUTING_PICK,
    JF_SLOT_ROUTING_OBSERVE,
    JF_SLOT_ROUTING_EXPORT_STATE,
    JF_SLOT_ROUTING_IMPORT_STATE,
    JF_SLOT_AUTH_ATTACH,
    JF_SLOT_AUTH_DETACH,
    JF_SLOT_AUTH_IDENTIFY,
    JF_SLOT_AUTH_DESCRIBE,
    JF_SLOT_AUTH_CANCEL,
    JF_SLOT_CREDENTIALS_ATTACH,
    JF_SLOT_CREDENTIALS_DETACH,
    JF_SLOT_CREDENTIALS_SUPPLY,
    JF_SLOT_CREDENTIALS_CANCEL,
    JF_SLOT_POLICY_ATTACH,
    JF_SLOT_POLICY_DETACH,
    JF_SLOT_POLICY_DECIDE,
    JF_SLOT_POLICY_REVIEW,
    JF_SLOT_POLICY_CLASSIFY,
    JF_SLOT_POLICY_CANCEL,
    JF_SLOT_FILTER_ATTACH,
    JF_SLOT_FILTER_DETACH,
    JF_SLOT_FILTER_REQUEST,
    JF_SLOT_FILTER_RESULT,
    JF_SLOT_FILTER_ENDED,
    JF_SLOT_FILTER_CANCEL,
    JF_SLOT_STORE_GET,
    JF_SLOT_STORE_PUT,
    JF_SLOT_STORE_REMOVE,
    JF_SLOT_STORE_LIST,
    JF_SLOT_STORE_ADD,
    JF_SLOT_STORE_TAKE,
    JF_SLOT_STORE_WATCH,
    JF_SLOT_STORE_UNWATCH,
    JF_SLOT_STORE_CANCEL,
    JF_SLOT_CALLBACK_LEASE,
    JF_SLOT_CALLBACK_RELEASE,
    JF_SLOT_CALLS_START,
    JF_SLOT_CALLS_CANCEL,
    JF_SLOT_CHANNELS_READY,
    JF_SLOT_CHANNELS_DELIVER,
    JF_SLOT_CHANNELS_FAILED,
    JF_SLOT_CHANNELS_WRITABLE,
    JF_SLOT_CHANNELS_CLOSED,
    JF_SLOT_CLOCK_MONOTONIC_NS,
    JF_SLOT_CLOCK_WALL_NS,
    JF_SLOT_CONFIG_FIND,
    JF_SLOT_CONFIG_NEXT,
    JF_SLOT_CONFIG_TEXT,
    JF_SLOT_CONFIG_INTEGER,
    JF_SLOT_CONFIG_REAL,
    JF_SLOT_CONFIG_QUOTE,
    JF_SLOT_CONFIG_SECRET,
    JF_SLOT_CONNECTED_CONNECTED,
    JF_SLOT_CONNECTED_FORGET,
    JF_SLOT_HTTP_MOUNT,
    JF_SLOT_HTTP_UNMOUNT,
    JF_SLOT_HTTP_RESPOND,
    JF_SLOT_HTTP_REQUEST,
    JF_SLOT_HTTP_ABANDON,
    JF_SLOT_IDENTITY_FORGET,
    JF_SLOT_INBOUND_OPENED,
    JF_SLOT_INBOUND_DELIVER,
    JF_SLOT_INBOUND_GONE,
    JF_SLOT_INBOUND_WRITABLE,
    JF_SLOT_INBOUND_CLOSED,
    JF_SLOT_INTERPOSE_WRAP,
    JF_SLOT_INTERPOSE_UNWRAP,
    JF_SLOT_LOG_WRITE,
    JF_SLOT_LOG_ENABLED,
    JF_SLOT_LOOP_WATCH,
    JF_SLOT_LOOP_UNWATCH,
    JF_SLOT_LOOP_TIMER,
    JF_SLOT_LOOP_CANCEL,
    JF_SLOT_LOOP_POST,
    JF_SLOT_LOOP_NOW,
    JF_SLOT_LOOP_INDEX,
    JF_SLOT_MEMORY_ALLOCATE,
    JF_SLOT_MEMORY_RELEASE,
    JF_SLOT_MEMORY_BORROW,
    JF_SLOT_MEMORY_GIVE_BACK,
    JF_SLOT_OPS_FINISH,
    JF_SLOT_OPS_STATE,
    JF_SLOT_OPS_PROGRESS,
    JF_SLOT_POLICIES_CHANGED,
    JF_SLOT_SEAL_SEAL,
    JF_SLOT_SEAL_OPEN,
    JF_SLOT_SIGNING_PUBLIC_KEY,
    JF_SLOT_SIGNING_SIGN,
    JF_SLOT_SIGNING_VERIFY,
    JF_SLOT_STATE_GET,
    JF_SLOT_STATE_PUT,
    JF_SLOT_STATE_REMOVE,
    JF_SLOT_STATE_LIST,
    JF_SLOT_STATE_ADD,
    JF_SLOT_STATE_TAKE,
    JF_SLOT_STATE_WATCH,
    JF_SLOT_STATE_UNWATCH,
    JF_SLOT_STATE_ABANDON,
    JF_SLOT_TOOLSETS_CHANGED,
    JF_SLOT_WATCHES_CHANGED,
    JF_SLOT_CALLBACK_READY,
    JF_SLOT_CALLBACK_TIMER,
    JF_SLOT_CALLBACK_TASK,
    JF_SLOT_COUNT
};

/** The plugin's own table and its facets. */
struct facet_tables {
    jf_plugin plugin;
    jf_listener_1 listener;
    jf_connector_1 connector;
    jf_toolset_1 toolset;
    jf_routing_1 routing;
    jf_auth_1 auth;
    jf_credentials_1 credentials;
    jf_policy_1 policy;
    jf_filter_1 filter;
    jf_store_1 store;
};

/** The table of one service. */
union service_tables {
    jf_callback_1 callback;
    jf_calls_1 calls;
    jf_channels_1 channels;
    jf_clock_1 clock;
    jf_config_1 config;
    jf_connected_1 connected;
    jf_http_1 http;
    jf_identity_1 identity;
    jf_inbound_1 inbound;
    jf_interpose_1 interpose;
    jf_log_1 log;
    jf_loop_1 loop;
    jf_memory_1 memory;
    jf_ops_1 ops;
    jf_policies_1 policies;
    jf_seal_1 seal;
    jf_signing_1 signing;
    jf_state_1 state;
    jf_toolsets_1 toolsets;
    jf_watches_1 watches;
};

/* Fill a table of stubs for the slots that the real one has. */
void wrap_plugin(jf_plugin *own, const jf_plugin *real);
void wrap_listener(jf_listener_1 *own, const jf_listener_1 *real);
void wrap_connector(jf_connector_1 *own, const jf_connector_1 *real);
void wrap_toolset(jf_toolset_1 *own, const jf_toolset_1 *real);
void wrap_routing(jf_routing_1 *own, const jf_routing_1 *real);
void wrap_auth(jf_auth_1 *own, const jf_auth_1 *real);
void wrap_credentials(jf_credentials_1 *own, const jf_credentials_1 *real);
void wrap_policy(jf_policy_1 *own, const jf_policy_1 *real);
void wrap_filter(jf_filter_1 *own, const jf_filter_1 *real);
void wrap_store(jf_store_1 *own, const jf_store_1 *real);
void wrap_callback(jf_callback_1 *own, const jf_callback_1 *real);
void wrap_calls(jf_calls_1 *own, const jf_calls_1 *real);
void wrap_channels(jf_channels_1 *own, const jf_channels_1 *real);
void wrap_clock(jf_clock_1 *own, const jf_clock_1 *real);
void wrap_config(jf_config_1 *own, const jf_config_1 *real);
void wrap_connected(jf_connected_1 *own, const jf_connected_1 *real);
void wrap_http(jf_http_1 *own, const jf_http_1 *real);
void wrap_identity(jf_identity_1 *own, const jf_identity_1 *real);
void wrap_inbound(jf_inbound_1 *own, const jf_inbound_1 *real);
void wrap_interpose(jf_interpose_1 *own, const jf_interpose_1 *real);
void wrap_log(jf_log_1 *own, const jf_log_1 *real);
void wrap_loop(jf_loop_1 *own, const jf_loop_1 *real);
void wrap_memory(jf_memory_1 *own, const jf_memory_1 *real);
void wrap_ops(jf_ops_1 *own, const jf_ops_1 *real);
void wrap_policies(jf_policies_1 *own, const jf_policies_1 *real);
void wrap_seal(jf_seal_1 *own, const jf_seal_1 *real);
void wrap_signing(jf_signing_1 *own, const jf_signing_1 *real);
void wrap_state(jf_state_1 *own, const jf_state_1 *real);
void wrap_toolsets(jf_toolsets_1 *own, const jf_toolsets_1 *real);
void wrap_watches(jf_watches_1 *own, const jf_watches_1 *real);

#endif
