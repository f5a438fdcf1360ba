/* SPDX-License-Identifier: Apache-2.0
 * The slots and tables of the ABI, for the meter.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#include "../shim.h"

#include <string.h>

const struct slot_info jf_slots[JF_SLOT_COUNT] = {
    [JF_SLOT_PLUGIN_CREATE] = {{"jf_plugin", "plugin", "create"}, SLOT_CONTROL, ANSWER_STATUS, 0},
    [JF_SLOT_PLUGIN_DESTROY] = {{"jf_plugin", "plugin", "destroy"}, SLOT_CONTROL, ANSWER_NONE, 0},
    [JF_SLOT_PLUGIN_FACET] = {{"jf_plugin", "plugin", "facet"}, SLOT_CONTROL, ANSWER_POINTER, 0},
    [JF_SLOT_PLUGIN_START] = {{"jf_plugin", "plugin", "start"}, SLOT_CONTROL, ANSWER_STATUS, 0},
    [JF_SLOT_PLUGIN_DRAIN] = {{"jf_plugin", "plugin", "drain"}, SLOT_CONTROL, ANSWER_NONE, 0},
    [JF_SLOT_PLUGIN_STOP] = {{"jf_plugin", "plugin", "stop"}, SLOT_CONTROL, ANSWER_NONE, 0},
    [JF_SLOT_LISTENER_LISTEN] = {{"jf.listener/1", "listener", "listen"}, SLOT_CONTROL, ANSWER_STATUS, 0},
    [JF_SLOT_LISTENER_UNLISTEN] = {{"jf.listener/1", "listener", "unlisten"}, SLOT_CONTROL, ANSWER_NONE, 0},
    [JF_SLOT_LISTENER_REPLY] = {{"jf.listener/1", "listener", "reply"}, SLOT_LANE, ANSWER_STATUS, 0},
    [JF_SLOT_LISTENER_CLOSE] = {{"jf.listener/1", "listener", "close"}, SLOT_LANE, ANSWER_NONE, 0},
    [JF_SLOT_CONNECTOR_OPEN] = {{"jf.connector/1", "connector", "open"}, SLOT_CONTROL, ANSWER_STATUS, 0},
    [JF_SLOT_CONNECTOR_SEND] = {{"jf.connector/1", "connector", "send"}, SLOT_LANE, ANSWER_STATUS, 0},
    [JF_SLOT_CONNECTOR_CANCEL] = {{"jf.connector/1", "connector", "cancel"}, SLOT_LANE, ANSWER_NONE, 0},
    [JF_SLOT_CONNECTOR_CLOSE] = {{"jf.connector/1", "connector", "close"}, SLOT_CONTROL, ANSWER_NONE, 0},
    [JF_SLOT_CONNECTOR_USAGE] = {{"jf.connector/1", "connector", "usage"}, SLOT_CONTROL, ANSWER_STATUS, 0},
    [JF_SLOT_TOOLSET_OPEN] = {{"jf.toolset/1", "toolset", "open"}, SLOT_CONTROL, ANSWER_STATUS, 0},
    [JF_SLOT_TOOLSET_CLOSE] = {{"jf.toolset/1", "toolset", "close"}, SLOT_CONTROL, ANSWER_NONE, 0},
    [JF_SLOT_TOOLSET_LIST] = {{"jf.toolset/1", "toolset", "list"}, SLOT_CONTROL, ANSWER_STATUS, 0},
    [JF_SLOT_TOOLSET_CALL] = {{"jf.toolset/1", "toolset", "call"}, SLOT_REQUEST, ANSWER_STATUS, 0},
    [JF_SLOT_TOOLSET_READ] = {{"jf.toolset/1", "toolset", "read"}, SLOT_REQUEST, ANSWER_STATUS, 0},
    [JF_SLOT_TOOLSET_PROMPT] = {{"jf.toolset/1", "toolset", "prompt"}, SLOT_REQUEST, ANSWER_STATUS, 0},
    [JF_SLOT_TOOLSET_COMPLETE] = {{"jf.toolset/1", "toolset", "complete"}, SLOT_REQUEST, ANSWER_STATUS, 0},
    [JF_SLOT_TOOLSET_CANCEL] = {{"jf.toolset/1", "toolset", "cancel"}, SLOT_ANY, ANSWER_NONE, 0},
    [JF_SLOT_ROUTING_ATTACH] = {{"jf.routing/1", "routing", "attach"}, SLOT_CONTROL, ANSWER_STATUS, 0},
    [JF_SLOT_ROUTING_DETACH] = {{"jf.routing/1", "routing", "detach"}, SLOT_CONTROL, ANSWER_NONE, 0},
    [JF_SLOT_ROUTING_PICK] = {{"jf.routing/1", "routing", "pick"}, SLOT_LANE, ANSWER_STATUS, 0},
    [JF_SLOT_ROUTING_OBSERVE] = {{"jf.routing/1", "routing", "observe"}, SLOT_LANE, ANSWER_NONE, 0},
    [JF_SLOT_ROUTING_EXPORT_STATE] = {{"jf.routing/1", "routing", "export_state"}, SLOT_CONTROL,
        ANSWER_STATUS, 0},
    [JF_SLOT_ROUTING_IMPORT_STATE] = {{"jf.routing/1", "routing", "import_state"}, SLOT_CONTROL,
        ANSWER_STATUS, 0},
    [JF_SLOT_AUTH_ATTACH] = {{"jf.auth/1", "auth", "attach"}, SLOT_CONTROL, ANSWER_STATUS, 0},
    [JF_SLOT_AUTH_DETACH] = {{"jf.auth/1", "auth", "detach"}, SLOT_CONTROL, ANSWER_NONE, 0},
    [JF_SLOT_AUTH_IDENTIFY] = {{"jf.auth/1", "auth", "identify"}, SLOT_LANE, ANSWER_STATUS, 0},
    [JF_SLOT_AUTH_DESCRIBE] = {{"jf.auth/1", "auth", "describe"}, SLOT_CONTROL, ANSWER_STATUS, 0},
    [JF_SLOT_AUTH_CANCEL] = {{"jf.auth/1", "auth", "cancel"}, SLOT_ANY, ANSWER_NONE, 0},
    [JF_SLOT_CREDENTIALS_ATTACH] = {{"jf.credentials/1", "credentials", "attach"}, SLOT_CONTROL,
        ANSWER_STATUS, 0},
    [JF_SLOT_CREDENTIALS_DETACH] = {{"jf.credentials/1", "credentials", "detach"}, SLOT_CONTROL,
        ANSWER_NONE, 0},
    [JF_SLOT_CREDENTIALS_SUPPLY] = {{"jf.credentials/1", "credentials", "supply"}, SLOT_LANE, ANSWER_STATUS,
        0},
    [JF_SLOT_CREDENTIALS_CANCEL] = {{"jf.credentials/1", "credentials", "cancel"}, SLOT_ANY, ANSWER_NONE, 0},
    [JF_SLOT_POLICY_ATTACH] = {{"jf.policy/1", "policy", "attach"}, SLOT_CONTROL, ANSWER_STATUS, 0},
    [JF_SLOT_POLICY_DETACH] = {{"jf.policy/1", "policy", "detach"}, SLOT_CONTROL, ANSWER_NONE, 0},
    [JF_SLOT_POLICY_DECIDE] = {{"jf.policy/1", "policy", "decide"}, SLOT_LANE, ANSWER_STATUS, 0},
    [JF_SLOT_POLICY_REVIEW] = {{"jf.policy/1", "policy", "review"}, SLOT_LANE, ANSWER_STATUS, 0},
    [JF_SLOT_POLICY_CLASSIFY] = {{"jf.policy/1", "policy", "classify"}, SLOT_LANE, ANSWER_STATUS, 0},
    [JF_SLOT_POLICY_CANCEL] = {{"jf.policy/1", "policy", "cancel"}, SLOT_ANY, ANSWER_NONE, 0},
    [JF_SLOT_FILTER_ATTACH] = {{"jf.filter/1", "filter", "attach"}, SLOT_CONTROL, ANSWER_STATUS, 0},
    [JF_SLOT_FILTER_DETACH] = {{"jf.filter/1", "filter", "detach"}, SLOT_CONTROL, ANSWER_NONE, 0},
    [JF_SLOT_FILTER_REQUEST] = {{"jf.filter/1", "filter", "request"}, SLOT_LANE, ANSWER_STATUS, 0},
    [JF_SLOT_FILTER_RESULT] = {{"jf.filter/1", "filter", "result"}, SLOT_LANE, ANSWER_STATUS, 0},
    [JF_SLOT_FILTER_ENDED] = {{"jf.filter/1", "filter", "ended"}, SLOT_LANE, ANSWER_NONE, 0},
    [JF_SLOT_FILTER_CANCEL] = {{"jf.filter/1", "filter", "cancel"}, SLOT_ANY, ANSWER_NONE, 0},
    [JF_SLOT_STORE_GET] = {{"jf.store/1", "store", "get"}, SLOT_REQUEST, ANSWER_STATUS, 0},
    [JF_SLOT_STORE_PUT] = {{"jf.store/1", "store", "put"}, SLOT_REQUEST, ANSWER_STATUS, 0},
    [JF_SLOT_STORE_REMOVE] = {{"jf.store/1", "store", "remove"}, SLOT_REQUEST, ANSWER_STATUS, 0},
    [JF_SLOT_STORE_LIST] = {{"jf.store/1", "store", "list"}, SLOT_REQUEST, ANSWER_STATUS, 0},
    [JF_SLOT_STORE_ADD] = {{"jf.store/1", "store", "add"}, SLOT_REQUEST, ANSWER_STATUS, 0},
    [JF_SLOT_STORE_TAKE] = {{"jf.store/1", "store", "take"}, SLOT_REQUEST, ANSWER_STATUS, 0},
    [JF_SLOT_STORE_WATCH] = {{"jf.store/1", "store", "watch"}, SLOT_CONTROL, ANSWER_STATUS, 0},
    [JF_SLOT_STORE_UNWATCH] = {{"jf.store/1", "store", "unwatch"}, SLOT_CONTROL, ANSWER_NONE, 0},
    [JF_SLOT_STORE_CANCEL] = {{"jf.store/1", "store", "cancel"}, SLOT_ANY, ANSWER_NONE, 0},
    [JF_SLOT_CALLBACK_LEASE] = {{"jf.callback/1", "callback", "lease"}, SLOT_ANY, ANSWER_STATUS, 1},
    [JF_SLOT_CALLBACK_RELEASE] = {{"jf.callback/1", "callback", "release"}, SLOT_ANY, ANSWER_STATUS, 1},
    [JF_SLOT_CALLS_START] = {{"jf.calls/1", "calls", "start"}, SLOT_LANE, ANSWER_STATUS, 1},
    [JF_SLOT_CALLS_CANCEL] = {{"jf.calls/1", "calls", "cancel"}, SLOT_LANE, ANSWER_NONE, 1},
    [JF_SLOT_CHANNELS_READY] = {{"jf.channels/1", "channels", "ready"}, SLOT_LANE, ANSWER_NONE, 1},
    [JF_SLOT_CHANNELS_DELIVER] = {{"jf.channels/1", "channels", "deliver"}, SLOT_LANE, ANSWER_STATUS, 1},
    [JF_SLOT_CHANNELS_FAILED] = {{"jf.channels/1", "channels", "failed"}, SLOT_LANE, ANSWER_NONE, 1},
    [JF_SLOT_CHANNELS_WRITABLE] = {{"jf.channels/1", "channels", "writable"}, SLOT_LANE, ANSWER_NONE, 1},
    [JF_SLOT_CHANNELS_CLOSED] = {{"jf.channels/1", "channels", "closed"}, SLOT_LANE, ANSWER_NONE, 1},
    [JF_SLOT_CLOCK_MONOTONIC_NS] = {{"jf.clock/1", "clock", "monotonic_ns"}, SLOT_ANY, ANSWER_NUMBER, 1},
    [JF_SLOT_CLOCK_WALL_NS] = {{"jf.clock/1", "clock", "wall_ns"}, SLOT_ANY, ANSWER_NUMBER, 1},
    [JF_SLOT_CONFIG_FIND] = {{"jf.config/1", "config", "find"}, SLOT_ANY, ANSWER_STATUS, 1},
    [JF_SLOT_CONFIG_NEXT] = {{"jf.config/1", "config", "next"}, SLOT_ANY, ANSWER_STATUS, 1},
    [JF_SLOT_CONFIG_TEXT] = {{"jf.config/1", "config", "text"}, SLOT_ANY, ANSWER_STATUS, 1},
    [JF_SLOT_CONFIG_INTEGER] = {{"jf.config/1", "config", "integer"}, SLOT_ANY, ANSWER_STATUS, 1},
    [JF_SLOT_CONFIG_REAL] = {{"jf.config/1", "config", "real"}, SLOT_ANY, ANSWER_STATUS, 1},
    [JF_SLOT_CONFIG_QUOTE] = {{"jf.config/1", "config", "quote"}, SLOT_ANY, ANSWER_STATUS, 1},
    [JF_SLOT_CONFIG_SECRET] = {{"jf.config/1", "config", "secret"}, SLOT_ANY, ANSWER_STATUS, 1},
    [JF_SLOT_CONNECTED_CONNECTED] = {{"jf.connected/1", "connected", "connected"}, SLOT_ANY, ANSWER_NONE, 1},
    [JF_SLOT_CONNECTED_FORGET] = {{"jf.connected/1", "connected", "forget"}, SLOT_ANY, ANSWER_NONE, 1},
    [JF_SLOT_HTTP_MOUNT] = {{"jf.http/1", "http", "mount"}, SLOT_LANE, ANSWER_STATUS, 1},
    [JF_SLOT_HTTP_UNMOUNT] = {{"jf.http/1", "http", "unmount"}, SLOT_LANE, ANSWER_NONE, 1},
    [JF_SLOT_HTTP_RESPOND] = {{"jf.http/1", "http", "respond"}, SLOT_LANE, ANSWER_STATUS, 1},
    [JF_SLOT_HTTP_REQUEST] = {{"jf.http/1", "http", "request"}, SLOT_LANE, ANSWER_STATUS, 1},
    [JF_SLOT_HTTP_ABANDON] = {{"jf.http/1", "http", "abandon"}, SLOT_LANE, ANSWER_NONE, 1},
    [JF_SLOT_IDENTITY_FORGET] = {{"jf.identity/1", "identity", "forget"}, SLOT_ANY, ANSWER_NONE, 1},
    [JF_SLOT_INBOUND_OPENED] = {{"jf.inbound/1", "inbound", "opened"}, SLOT_LANE, ANSWER_STATUS, 1},
    [JF_SLOT_INBOUND_DELIVER] = {{"jf.inbound/1", "inbound", "deliver"}, SLOT_LANE, ANSWER_STATUS, 1},
    [JF_SLOT_INBOUND_GONE] = {{"jf.inbound/1", "inbound", "gone"}, SLOT_LANE, ANSWER_NONE, 1},
    [JF_SLOT_INBOUND_WRITABLE] = {{"jf.inbound/1", "inbound", "writable"}, SLOT_LANE, ANSWER_NONE, 1},
    [JF_SLOT_INBOUND_CLOSED] = {{"jf.inbound/1", "inbound", "closed"}, SLOT_LANE, ANSWER_NONE, 1},
    [JF_SLOT_INTERPOSE_WRAP] = {{"jf.interpose/1", "interpose", "wrap"}, SLOT_CONTROL, ANSWER_STATUS, 1},
    [JF_SLOT_INTERPOSE_UNWRAP] = {{"jf.interpose/1", "interpose", "unwrap"}, SLOT_CONTROL, ANSWER_STATUS, 1},
    [JF_SLOT_LOG_WRITE] = {{"jf.log/1", "log", "write"}, SLOT_ANY, ANSWER_NONE, 1},
    [JF_SLOT_LOG_ENABLED] = {{"jf.log/1", "log", "enabled"}, SLOT_ANY, ANSWER_NUMBER, 1},
    [JF_SLOT_LOOP_WATCH] = {{"jf.loop/1", "loop", "watch"}, SLOT_LANE, ANSWER_STATUS, 1},
    [JF_SLOT_LOOP_UNWATCH] = {{"jf.loop/1", "loop", "unwatch"}, SLOT_LANE, ANSWER_NONE, 1},
    [JF_SLOT_LOOP_TIMER] = {{"jf.loop/1", "loop", "timer"}, SLOT_LANE, ANSWER_STATUS, 1},
    [JF_SLOT_LOOP_CANCEL] = {{"jf.loop/1", "loop", "cancel"}, SLOT_LANE, ANSWER_NONE, 1},
    [JF_SLOT_LOOP_POST] = {{"jf.loop/1", "loop", "post"}, SLOT_ANY, ANSWER_STATUS, 1},
    [JF_SLOT_LOOP_NOW] = {{"jf.loop/1", "loop", "now"}, SLOT_LANE, ANSWER_NUMBER, 1},
    [JF_SLOT_LOOP_INDEX] = {{"jf.loop/1", "loop", "index"}, SLOT_ANY, ANSWER_NUMBER, 1},
    [JF_SLOT_MEMORY_ALLOCATE] = {{"jf.memory/1", "memory", "allocate"}, SLOT_ANY, ANSWER_POINTER, 1},
    [JF_SLOT_MEMORY_RELEASE] = {{"jf.memory/1", "memory", "release"}, SLOT_ANY, ANSWER_NONE, 1},
    [JF_SLOT_MEMORY_BORROW] = {{"jf.memory/1", "memory", "borrow"}, SLOT_LANE, ANSWER_POINTER, 1},
    [JF_SLOT_MEMORY_GIVE_BACK] = {{"jf.memory/1", "memory", "give_back"}, SLOT_LANE, ANSWER_NONE, 1},
    [JF_SLOT_OPS_FINISH] = {{"jf.ops/1", "ops", "finish"}, SLOT_ANY, ANSWER_STATUS, 1},
    [JF_SLOT_OPS_STATE] = {{"jf.ops/1", "ops", "state"}, SLOT_ANY, ANSWER_STATUS, 1},
    [JF_SLOT_OPS_PROGRESS] = {{"jf.ops/1", "ops", "progress"}, SLOT_ANY, ANSWER_STATUS, 1},
    [JF_SLOT_POLICIES_CHANGED] = {{"jf.policies/1", "policies", "changed"}, SLOT_ANY, ANSWER_NONE, 1},
    [JF_SLOT_SEAL_SEAL] = {{"jf.seal/1", "seal", "seal"}, SLOT_ANY, ANSWER_STATUS, 1},
    [JF_SLOT_SEAL_OPEN] = {{"jf.seal/1", "seal", "open"}, SLOT_ANY, ANSWER_STATUS, 1},
    [JF_SLOT_SIGNING_PUBLIC_KEY] = {{"jf.signing/1", "signing", "public_key"}, SLOT_ANY, ANSWER_STATUS, 1},
    [JF_SLOT_SIGNING_SIGN] = {{"jf.signing/1", "signing", "sign"}, SLOT_ANY, ANSWER_STATUS, 1},
    [JF_SLOT_SIGNING_VERIFY] = {{"jf.signing/1", "signing", "verify"}, SLOT_ANY, ANSWER_STATUS, 1},
    [JF_SLOT_STATE_GET] = {{"jf.state/1", "state", "get"}, SLOT_LANE, ANSWER_STATUS, 1},
    [JF_SLOT_STATE_PUT] = {{"jf.state/1", "state", "put"}, SLOT_LANE, ANSWER_STATUS, 1},
    [JF_SLOT_STATE_REMOVE] = {{"jf.state/1", "state", "remove"}, SLOT_LANE, ANSWER_STATUS, 1},
    [JF_SLOT_STATE_LIST] = {{"jf.state/1", "state", "list"}, SLOT_LANE, ANSWER_STATUS, 1},
    [JF_SLOT_STATE_ADD] = {{"jf.state/1", "state", "add"}, SLOT_LANE, ANSWER_STATUS, 1},
    [JF_SLOT_STATE_TAKE] = {{"jf.state/1", "state", "take"}, SLOT_LANE, ANSWER_STATUS, 1},
    [JF_SLOT_STATE_WATCH] = {{"jf.state/1", "state", "watch"}, SLOT_LANE, ANSWER_STATUS, 1},
    [JF_SLOT_STATE_UNWATCH] = {{"jf.state/1", "state", "unwatch"}, SLOT_LANE, ANSWER_NONE, 1},
    [JF_SLOT_STATE_ABANDON] = {{"jf.state/1", "state", "abandon"}, SLOT_LANE, ANSWER_NONE, 1},
    [JF_SLOT_TOOLSETS_CHANGED] = {{"jf.toolsets/1", "toolsets", "changed"}, SLOT_ANY, ANSWER_NONE, 1},
    [JF_SLOT_WATCHES_CHANGED] = {{"jf.watches/1", "watches", "changed"}, SLOT_ANY, ANSWER_NONE, 1},
    [JF_SLOT_CALLBACK_READY] = {{"callback", "callback", "ready"}, SLOT_LANE, ANSWER_NONE, 0},
    [JF_SLOT_CALLBACK_TIMER] = {{"callback", "callback", "timer"}, SLOT_LANE, ANSWER_NONE, 0},
    [JF_SLOT_CALLBACK_TASK] = {{"callback", "callback", "task"}, SLOT_LANE, ANSWER_NONE, 0},
};

/* A copy of a table that may be smaller or larger than ours. */
static void take(void *real, size_t size, const void *table) {
    uint32_t given;
    memcpy(&given, table, sizeof given);
    memcpy(real, table, given < size ? given : size);
}

const void *wrap_facet(jf_shim *shim, const char *id, const void *table) {
    if (strcmp(id, "jf.listener/1") == 0) {
        take(&shim->real.listener, sizeof shim->real.listener, table);
        wrap_listener(&shim->own.listener, &shim->real.listener);
        return &shim->own.listener;
    }
    if (strcmp(id, "jf.connector/1") == 0) {
        take(&shim->real.connector, sizeof shim->real.connector, table);
        wrap_connector(&shim->own.connector, &shim->real.connector);
        return &shim->own.connector;
    }
    if (strcmp(id, "jf.toolset/1") == 0) {
        take(&shim->real.toolset, sizeof shim->real.toolset, table);
        wrap_toolset(&shim->own.toolset, &shim->real.toolset);
        return &shim->own.toolset;
    }
    if (strcmp(id, "jf.routing/1") == 0) {
        take(&shim->real.routing, sizeof shim->real.routing, table);
        wrap_routing(&shim->own.routing, &shim->real.routing);
        return &shim->own.routing;
    }
    if (strcmp(id, "jf.auth/1") == 0) {
        take(&shim->real.auth, sizeof shim->real.auth, table);
        wrap_auth(&shim->own.auth, &shim->real.auth);
        shim->is_private = true;
        return &shim->own.auth;
    }
    if (strcmp(id, "jf.credentials/1") == 0) {
        take(&shim->real.credentials, sizeof shim->real.credentials, table);
        wrap_credentials(&shim->own.credentials, &shim->real.credentials);
        shim->is_private = true;
        return &shim->own.credentials;
    }
    if (strcmp(id, "jf.policy/1") == 0) {
        take(&shim->real.policy, sizeof shim->real.policy, table);
        wrap_policy(&shim->own.policy, &shim->real.policy);
        shim->is_private = true;
        return &shim->own.policy;
    }
    if (strcmp(id, "jf.filter/1") == 0) {
        take(&shim->real.filter, sizeof shim->real.filter, table);
        wrap_filter(&shim->own.filter, &shim->real.filter);
        shim->is_private = true;
        return &shim->own.filter;
    }
    if (strcmp(id, "jf.store/1") == 0) {
        take(&shim->real.store, sizeof shim->real.store, table);
        wrap_store(&shim->own.store, &shim->real.store);
        shim->is_private = true;
        return &shim->own.store;
    }
    return NULL;
}

bool wrap_service(struct service *service, const char *id, const void *table) {
    if (strcmp(id, "jf.callback/1") == 0) {
        service->id = "jf.callback/1";
        take(&service->real.callback, sizeof service->real.callback, table);
        service->context = service->real.callback.context;
        service->own.callback.context = service;
        wrap_callback(&service->own.callback, &service->real.callback);
        return true;
    }
    if (strcmp(id, "jf.calls/1") == 0) {
        service->id = "jf.calls/1";
        take(&service->real.calls, sizeof service->real.calls, table);
        service->context = service->real.calls.context;
        service->own.calls.context = service;
        wrap_calls(&service->own.calls, &service->real.calls);
        return true;
    }
    if (strcmp(id, "jf.channels/1") == 0) {
        service->id = "jf.channels/1";
        take(&service->real.channels, sizeof service->real.channels, table);
        service->context = service->real.channels.context;
        service->own.channels.context = service;
        wrap_channels(&service->own.channels, &service->real.channels);
        return true;
    }
    if (strcmp(id, "jf.clock/1") == 0) {
        service->id = "jf.clock/1";
        take(&service->real.clock, sizeof service->real.clock, table);
        service->context = service->real.clock.context;
        service->own.clock.context = service;
        wrap_clock(&service->own.clock, &service->real.clock);
        return true;
    }
    if (strcmp(id, "jf.config/1") == 0) {
        service->id = "jf.config/1";
        take(&service->real.config, sizeof service->real.config, table);
        service->context = service->real.config.context;
        service->own.config.context = service;
        wrap_config(&service->own.config, &service->real.config);
        return true;
    }
    if (strcmp(id, "jf.connected/1") == 0) {
        service->id = "jf.connected/1";
        take(&service->real.connected, sizeof service->real.connected, table);
        service->context = service->real.connected.context;
        service->own.connected.context = service;
        wrap_connected(&service->own.connected, &service->real.connected);
        return true;
    }
    if (strcmp(id, "jf.http/1") == 0) {
        service->id = "jf.http/1";
        take(&service->real.http, sizeof service->real.http, table);
        service->context = service->real.http.context;
        service->own.http.context = service;
        wrap_http(&service->own.http, &service->real.http);
        return true;
    }
    if (strcmp(id, "jf.identity/1") == 0) {
        service->id = "jf.identity/1";
        take(&service->real.identity, sizeof service->real.identity, table);
        service->context = service->real.identity.context;
        service->own.identity.context = service;
        wrap_identity(&service->own.identity, &service->real.identity);
        return true;
    }
    if (strcmp(id, "jf.inbound/1") == 0) {
        service->id = "jf.inbound/1";
        take(&service->real.inbound, sizeof service->real.inbound, table);
        service->context = service->real.inbound.context;
        service->own.inbound.context = service;
        wrap_inbound(&service->own.inbound, &service->real.inbound);
        return true;
    }
    if (strcmp(id, "jf.interpose/1") == 0) {
        service->id = "jf.interpose/1";
        take(&service->real.interpose, sizeof service->real.interpose, table);
        service->context = service->real.interpose.context;
        service->own.interpose.context = service;
        wrap_interpose(&service->own.interpose, &service->real.interpose);
        return true;
    }
    if (strcmp(id, "jf.log/1") == 0) {
        service->id = "jf.log/1";
        take(&service->real.log, sizeof service->real.log, table);
        service->context = service->real.log.context;
        service->own.log.context = service;
        wrap_log(&service->own.log, &service->real.log);
        return true;
    }
    if (strcmp(id, "jf.loop/1") == 0) {
        service->id = "jf.loop/1";
        take(&service->real.loop, sizeof service->real.loop, table);
        service->context = service->real.loop.context;
        service->own.loop.context = service;
        wrap_loop(&service->own.loop, &service->real.loop);
        return true;
    }
    if (strcmp(id, "jf.memory/1") == 0) {
        service->id = "jf.memory/1";
        take(&service->real.memory, sizeof service->real.memory, table);
        service->context = service->real.memory.context;
        service->own.memory.context = service;
        wrap_memory(&service->own.memory, &service->real.memory);
        return true;
    }
    if (strcmp(id, "jf.ops/1") == 0) {
        service->id = "jf.ops/1";
        take(&service->real.ops, sizeof service->real.ops, table);
        service->context = service->real.ops.context;
        service->own.ops.context = service;
        wrap_ops(&service->own.ops, &service->real.ops);
        return true;
    }
    if (strcmp(id, "jf.policies/1") == 0) {
        service->id = "jf.policies/1";
        take(&service->real.policies, sizeof service->real.policies, table);
        service->context = service->real.policies.context;
        service->own.policies.context = service;
        wrap_policies(&service->own.policies, &service->real.policies);
        return true;
    }
    if (strcmp(id, "jf.seal/1") == 0) {
        service->id = "jf.seal/1";
        take(&service->real.seal, sizeof service->real.seal, table);
        service->context = service->real.seal.context;
        service->own.seal.context = service;
        wrap_seal(&service->own.seal, &service->real.seal);
        return true;
    }
    if (strcmp(id, "jf.signing/1") == 0) {
        service->id = "jf.signing/1";
        take(&service->real.signing, sizeof service->real.signing, table);
        service->context = service->real.signing.context;
        service->own.signing.context = service;
        wrap_signing(&service->own.signing, &service->real.signing);
        return true;
    }
    if (strcmp(id, "jf.state/1") == 0) {
        service->id = "jf.state/1";
        take(&service->real.state, sizeof service->real.state, table);
        service->context = service->real.state.context;
        service->own.state.context = service;
        wrap_state(&service->own.state, &service->real.state);
        return true;
    }
    if (strcmp(id, "jf.toolsets/1") == 0) {
        service->id = "jf.toolsets/1";
        take(&service->real.toolsets, sizeof service->real.toolsets, table);
        service->context = service->real.toolsets.context;
        service->own.toolsets.context = service;
        wrap_toolsets(&service->own.toolsets, &service->real.toolsets);
        return true;
    }
    if (strcmp(id, "jf.watches/1") == 0) {
        service->id = "jf.watches/1";
        take(&service->real.watches, sizeof service->real.watches, table);
        service->context = service->real.watches.context;
        service->own.watches.context = service;
        wrap_watches(&service->own.watches, &service->real.watches);
        return true;
    }
    return false;
}
