/* SPDX-License-Identifier: Apache-2.0
 * Facet jf.connector/1: opens channels to MCP servers and moves messages. Threads: per-loop. */
#ifndef JACKFIELD_CONNECTOR_H
#define JACKFIELD_CONNECTOR_H

#include "message.h"

#ifdef __cplusplus
extern "C" {
#endif

/** jf_channel_info.flags */
#define JF_CHANNEL_SHARED 1u /**< answers are matched by JSON-RPC id; messages carry exchange 0 (stdio) */
#define JF_CHANNEL_EXCHANGES                                                                                 \
    2u /**< every request is an exchange of its own; answers carry its handle (HTTP) */
#define JF_CHANNEL_LOCAL                                                                                     \
    4u /**< one per process, not one per loop (a child process): the host opens it on one loop */

/** Host service jf.channels/1, for connectors only. All slots [lane]. Since 1.0. */
typedef struct jf_channels_1 {
    uint32_t size;
    uint32_t flags;
    void *context;
    /** The channel can carry messages (child started, or a lazy channel at once). Called again after each
     * restart: the host then starts over with its handshake. `flags` are JF_CHANNEL_* and may differ from the
     * time before: a channel of exchanges becomes SHARED and LOCAL when the answer to a JF_KIND_STREAM shows
     * a server of HTTP+SSE (MCP 2024-11-05), and may turn back. The exchange that found it out ends with an
     * empty FINAL right after `ready`. */
    void (*ready)(void *context, jf_ref channel, uint32_t flags);
    /** One message of the server: exactly one JSON text, not yet checked. `message->exchange` is the handle
     * that `send` was given, 0 on a shared channel. JF_MSG_FINAL ends the exchange. An HTTP answer without a
     * JSON-RPC body is delivered with its status, FINAL and no body. Where a legacy server's event stream
     * breaks or is closed for polling, the connector resumes it (Last-Event-ID) within the same exchange,
     * until its deadline; the host notices nothing. Bytes borrowed until it returns. */
    int32_t (*deliver)(void *context, jf_ref channel, const jf_message *message);
    /** An exchange ended without its answer (refused, reset, closed mid-message, not to be resumed, answer
     * too large, no connection free in time); it is over. With exchange 0: the whole channel went down with
     * everything open on it; `why->retry_ms` says when the plugin itself tries again (`ready` follows), 0: it
     * gave up. */
    void (*failed)(void *context, jf_ref channel, jf_ref exchange, const jf_fault *why);
    /** The channel accepts more after `send` had answered JF_E_BUSY. */
    void (*writable)(void *context, jf_ref channel);
    /** The channel is closed for good after `close`; its handle is stale. */
    void (*closed)(void *context, jf_ref channel);
} jf_channels_1;
JF_PIN_SIZE(jf_channels_1, 56);
#define JF_CHANNELS_1 "jf.channels/1"

/** What the processes of a channel's server use, and have used. The caller sets `size`; nothing beyond it is
 * written. 0 is "none" where that can be, else "not known". Growable. Since 1.1. */
typedef struct jf_usage {
    uint32_t size;
    uint32_t flags;       /**< 0 */
    uint64_t measured_ns; /**< when they were looked at: a second ago at most, from a cell some more */
    uint64_t memory;      /**< resident bytes of all processes; pages that they share may count for each */
    uint64_t cpu_ns;      /**< processor time since the channel opened, that of ended processes too */
    uint64_t since_ns;    /**< when the process that takes the calls began; 0: there is none now */
    uint32_t processes;   /**< alive, all generations */
    uint32_t threads;     /**< of all of them */
    uint32_t descriptors; /**< open in all of them */
    uint32_t spares;      /**< started processes that stand by, told nothing */
    uint32_t started;     /**< processes that the plugin started since the channel opened */
    uint32_t failures;    /**< how often one ended, or did not start, without being asked to */
    uint32_t replaced;    /**< how often one made room for a successor, or went to sleep, without a failure */
    uint32_t waiting;     /**< requests that wait for a place in a process */
} jf_usage;
JF_PIN_SIZE(jf_usage, 72);
JF_PIN(jf_usage, processes, 40);

/** Facet table. Since 1.0. */
typedef struct jf_connector_1 {
    uint32_t size;
    uint32_t flags;
    /** Opens a channel to a server. `name` is the server's configured name (for logs), `config` its entry as
     * JSON, valid against manifest.connector.config. `channel` is the host's handle, used in every call back;
     * `*handle` receives the plugin's, used in every call of the host. Connecting may go on after it returns;
     * `ready` or `failed` tell. [control] */
    int32_t (*open)(jf_self *self, jf_ref channel, jf_view name, jf_view config, jf_ref *handle,
                    jf_fault *why);
    /** Sends one message. `message->exchange` is the host's handle of the exchange; 0 for a message that
     * expects no answer (on HTTP its own answer is dropped). Segments are written at once, copied, or
     * retained where the message allows it. An error means that nothing was sent, nothing is retained and no
     * `failed` follows. JF_E_BUSY: refused, the channel's queue is full. [lane] */
    int32_t (*send)(jf_self *self, jf_ref handle, const jf_message *message, jf_fault *why);
    /** Gives an exchange up: closes its stream, or ends the wait to resume it; nothing more is delivered for
     * it. No effect where it is unknown. [lane] */
    void (*cancel)(jf_self *self, jf_ref handle, jf_ref exchange);
    /** Closes the channel: ends the process tree, closes connections, by `deadline_ns`; `closed` follows.
     * Messages of exchange 0 sent before (a cancellation, an answer, the end of a session) should still go
     * out, within about a second; nothing is delivered for open exchanges. [control] */
    void (*close)(jf_self *self, jf_ref handle, uint64_t deadline_ns);
    /** Tells what the channel's processes use. Optional. Must not block: whoever asks often gets the last
     * look again. `usage` is the caller's memory. JF_ABSENT: nothing is known yet, ask again.
     * JF_E_UNSUPPORTED: this channel has no processes of its own. JF_E_STALE: no such channel. Since 1.1.
     * [control] */
    int32_t (*usage)(jf_self *self, jf_ref handle, jf_usage *usage);
} jf_connector_1;
JF_PIN_SIZE(jf_connector_1, 48);
#define JF_CONNECTOR_1 "jf.connector/1"

#ifdef __cplusplus
}
#endif
#endif
