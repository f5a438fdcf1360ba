/* SPDX-License-Identifier: Apache-2.0
 * jf_message: one JSON-RPC message on its way, as the listener and connector facets carry it.
 * The protocol is data, not ABI: envelope fields plus the bytes, so that a new MCP revision needs no new
 * header. */
#ifndef JACKFIELD_MESSAGE_H
#define JACKFIELD_MESSAGE_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** jf_message.kind */
enum {
    JF_KIND_MESSAGE = 0, /**< carries a JSON-RPC message (HTTP: POST and its answers; stdio: a line) */
    JF_KIND_STREAM = 1,  /**< opens a stand-alone stream for server messages (HTTP: GET), no body */
    JF_KIND_END = 2      /**< ends the session named in `session` (HTTP: DELETE), no body */
};

/** jf_message.flags */
#define JF_MSG_FINAL 1u        /**< the last message of its exchange; absent: more follow (an event stream) */
#define JF_MSG_PADDED 2u       /**< at least 64 readable bytes follow the body's (only) segment */
#define JF_MSG_ACCEPTS_JSON 4u /**< inbound: the client accepts one JSON answer */
#define JF_MSG_ACCEPTS_STREAM 8u /**< inbound: the client accepts an event stream */
#define JF_MSG_BAD_HEADERS 16u   /**< inbound: a mirrored header is repeated or cannot be decoded */

/** jf_message.status: how an exchange went, in words that every transport can express (HTTP: the status
 * code). */
enum {
    JF_STATUS_OK = 0,             /**< 200 */
    JF_STATUS_ACCEPTED = 1,       /**< 202, no body */
    JF_STATUS_BAD_REQUEST = 2,    /**< 400 */
    JF_STATUS_UNAUTHORIZED = 3,   /**< 401 */
    JF_STATUS_FORBIDDEN = 4,      /**< 403 */
    JF_STATUS_NOT_FOUND = 5,      /**< 404 */
    JF_STATUS_NOT_ALLOWED = 6,    /**< 405 */
    JF_STATUS_NOT_ACCEPTABLE = 7, /**< 406 */
    JF_STATUS_TOO_LARGE = 8,      /**< 413 */
    JF_STATUS_OVERLOADED = 9,     /**< 429; `retry_ms` says when */
    JF_STATUS_INTERNAL = 10,      /**< 500 */
    JF_STATUS_UNAVAILABLE = 11,   /**< 503; `retry_ms` says when */
    JF_STATUS_TIMEOUT = 12        /**< 504 */
};

/** One message. Growable: always passed by pointer. All views are borrowed until the call returns, but for
 * the segments that the host lets the plugin retain. Since 1.0.
 *
 * Retained segments: the bytes of a large answer that do not change any more (a list, a cached result) need
 * no copy while a slow reader takes them. Only the host offers this, to `reply` and `send`; inbound all four
 * members are zero. Whoever does not use it, or finds `size` too small for it, copies as ever.
 *
 * Event ids (MCP 2025-03-26 to 2025-11-25, Streamable HTTP, "Resumability and Redelivery"): a message given
 * to `reply` with `resume` goes out as an event with that id, even where it is FINAL and the first of its
 * exchange. Ids are the host's: at most 256 bytes without CR, LF and NUL, else JF_E_INVALID and nothing is
 * written. Without FINAL and without a body it is a priming event: the id and empty data, from which the
 * client can resume before there is anything to say. `retry_ms` without FINAL is written into the same event:
 * how long the client shall wait before it opens the stream again. Empty counts as absent, and shared
 * channels leave both out.
 *
 * Header fields (since 1.1): inbound from a listener they are those of the request that brought the message,
 * as they came (repeated names stay repeated), and only where jf_inbound_1.wants asks for them; on a
 * WebSocket those of its upgrade, with every message. Given to `reply` they are written into the head of the
 * exchange's first message (WWW-Authenticate), given to `send` into the request's, where they replace what
 * the server's configuration says under the same name and never go to another origin. A name that is no
 * token, a value with CR, LF, NUL or another control character, a name that frames or routes the message
 * itself (Content-Length, Host, ...): JF_E_INVALID, nothing is written. Answers that a connector delivers
 * with JF_STATUS_UNAUTHORIZED or FORBIDDEN carry the server's WWW-Authenticate. Channels without heads of
 * their own (stdio, an open WebSocket) leave them out. They are secrets: whoever keeps a copy wipes it. */
typedef struct jf_message {
    uint32_t size;
    uint32_t flags;         /**< JF_MSG_* */
    uint32_t kind;          /**< JF_KIND_* */
    int32_t status;         /**< answers: JF_STATUS_* */
    jf_ref exchange;        /**< the request/answer exchange it belongs to; 0 on a shared channel (stdio) */
    uint64_t deadline_ns;   /**< requests: when the answer stops being of use; 0: none */
    const jf_view *body;    /**< segments that, joined, are one JSON text; NULL when there is none */
    uint32_t body_count;    /**< inbound always 0 or 1 */
    uint32_t retry_ms;      /**< answers with OVERLOADED or UNAVAILABLE; event streams: see above */
    jf_view target;         /**< inbound: the endpoint asked for ("/mcp/servers/time"); empty on stdio */
    jf_view protocol;       /**< MCP-Protocol-Version */
    jf_view method;         /**< Mcp-Method */
    jf_view name;           /**< Mcp-Name, decoded */
    jf_view session;        /**< Mcp-Session-Id */
    jf_view resume;         /**< inbound: Last-Event-ID, at most 256 bytes; `reply`: the event's id */
    const jf_pair *headers; /**< further mirrored headers (Mcp-Param-*: name as spelled, value decoded) */
    uint64_t header_count;
    void *owner; /**< what the retainable segments belong to: the argument of `retain` and `release` */
    /** Keeps the retainable segments where they are, unchanged, until the matching `release`. To be called
     * from inside the call that brought the message, as often as wanted. Any status but JF_OK: not retained,
     * copy. [lane] */
    int32_t (*retain)(void *owner);
    /** Takes one `retain` back, exactly once each, inside that call or later: after the last byte is written,
     * when the connection closes, at the latest before `destroy` returns. It never calls back into the
     * plugin. [lane] */
    void (*release)(void *owner);
    uint64_t retainable; /**< bit i: body[i] may be retained, i < 64; 0: nothing may, the three are unset */
    /* Since 1.1; check `size` first. */
    const jf_pair *fields; /**< header fields (RFC 9110) beside those that have a member here, in their order,
                              names in any case; see "Header fields" above */
    uint64_t field_count;
} jf_message;
JF_PIN(jf_message, exchange, 16);
JF_PIN(jf_message, body, 32);
JF_PIN(jf_message, target, 48);
JF_PIN(jf_message, headers, 144);
JF_PIN(jf_message, owner, 160);
JF_PIN(jf_message, retainable, 184);
JF_PIN(jf_message, fields, 192);
JF_PIN_SIZE(jf_message, 208);

#ifdef __cplusplus
}
#endif
#endif
