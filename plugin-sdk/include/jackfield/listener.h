/* SPDX-License-Identifier: Apache-2.0
 * Facet jf.listener/1: accepts MCP clients and carries their messages. Threads: per-loop. */
#ifndef JACKFIELD_LISTENER_H
#define JACKFIELD_LISTENER_H

#include "message.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a listener knows of a client when it connects. Growable. Since 1.0. */
typedef struct jf_client_info {
    uint32_t size;
    uint32_t flags; /**< JF_CLIENT_* */
    jf_ref listener;
    jf_view address; /**< "127.0.0.1:51234", "stdio" */
    /* Since 1.1; check `size` first. */
    jf_view certificate; /**< the client's certificate (X.509, DER), whose chain and dates were verified;
                            absent: it showed none */
    jf_view server_name; /**< the name that the client asked for (TLS SNI, RFC 6066); absent without TLS */
} jf_client_info;
/** jf_client_info.flags: one shared, ordered channel (stdio, WebSocket, HTTP+SSE): messages carry exchange 0,
 * no headers exist. */
#define JF_CLIENT_SHARED 1u
/** The gateway was started for this one client and ends when it leaves (stdio). Not for network clients,
 * shared or not: they come and go. */
#define JF_CLIENT_SOLE 2u
/** The connection is encrypted by the listener itself (TLS). Since 1.1. */
#define JF_CLIENT_SECURE 4u
JF_PIN_SIZE(jf_client_info, 64);

/** jf_inbound_1.wants: jf_message.fields. Since 1.1. */
#define JF_WANTS_FIELDS 1u

/** Host service jf.inbound/1, for listeners only. All slots [lane]. Since 1.0. */
typedef struct jf_inbound_1 {
    uint32_t size;
    uint32_t flags;
    void *context;
    /** A client connected. Writes the host's handle for it to *client. JF_E_BUSY: refuse the connection. */
    int32_t (*opened)(void *context, const jf_client_info *info, jf_ref *client);
    /** One message of the client, exactly one JSON text, not yet checked. `message->exchange` is the
     * listener's own handle; the answer names it. `reply` may be called before `deliver` returns. Bytes
     * borrowed until it returns. Any status but JF_OK: the client handle is stale; close the connection. */
    int32_t (*deliver)(void *context, jf_ref client, const jf_message *message);
    /** The client stopped waiting for this exchange (its stream or connection closed). No `reply` may follow;
     * the host decides by protocol era whether that cancels the call (2026-07-28) or not (before). */
    void (*gone)(void *context, jf_ref client, jf_ref exchange);
    /** The exchange's reader caught up after `reply` had answered JF_E_BUSY. */
    void (*writable)(void *context, jf_ref client, jf_ref exchange);
    /** The client is gone altogether; `gone` is implied for all its exchanges. The handle is stale
     * afterwards. */
    void (*closed)(void *context, jf_ref client);
    /* Since 1.1; check `size` first. */
    /** What the host looks at: JF_WANTS_*, which may change between two messages. Lives as long as the
     * instance. */
    const uint32_t *wants;
} jf_inbound_1;
JF_PIN_SIZE(jf_inbound_1, 64);
#define JF_INBOUND_1 "jf.inbound/1"

/** Facet table. Since 1.0. */
typedef struct jf_listener_1 {
    uint32_t size;
    uint32_t flags;
    /** Opens the listener. `address` overrides the one in `config` when present (another loop bound port 0
     * first: share it with SO_REUSEPORT). `config` is JSON, valid against manifest.listener.config. `*bound`
     * receives where it listens, as text that a user can connect to ("http://127.0.0.1:8808"). [control] */
    int32_t (*listen)(jf_self *self, jf_ref listener, jf_view address, jf_view config, jf_blob *bound,
                      jf_fault *why);
    /** Stops accepting; open clients stay until they end or the instance stops. [control] */
    void (*unlisten)(jf_self *self, jf_ref listener);
    /** One message to a client. Without JF_MSG_FINAL the exchange becomes an event stream and stays open; a
     * FINAL message with no body ends it. status ACCEPTED with FINAL and no body acknowledges a notification.
     * Segments are written at once, copied, or retained where the message allows it. JF_E_BUSY: taken, but
     * the reader is slow: wait for `writable` before more; the listener may close a stream that is sent more
     * all the same. JF_E_INVALID: `resume` cannot be an event id; nothing was written. JF_E_STALE: the client
     * or the exchange is gone. [lane] */
    int32_t (*reply)(jf_self *self, jf_ref client, const jf_message *message);
    /** Closes a client's connection once written answers are out. [lane] */
    void (*close)(jf_self *self, jf_ref client);
} jf_listener_1;
JF_PIN_SIZE(jf_listener_1, 40);
#define JF_LISTENER_1 "jf.listener/1"

#ifdef __cplusplus
}
#endif
#endif
