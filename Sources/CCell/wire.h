/* SPDX-License-Identifier: Apache-2.0
 * The cell's wire format: frames, their types, and how they are read and written.
 *
 * One SOCK_SEQPACKET pair joins the proxy in the gateway with one instance in a cell. A packet carries one or
 * more frames, so that whatever was ready together wakes the other side once. A frame is a head of 40 bytes
 * and a payload of numbers (8 bytes) and views (8 bytes of length and kind, then the bytes, padded to 8).
 * Views of more than CELL_INLINE_MOST bytes travel as sealed memfds, which the receiver checks, maps
 * read-only and may keep. Both sides run on one machine and come from one build, so the byte order is the
 * machine's and the first frame carries CELL_PROTOCOL. The receiver trusts nothing: every length, kind, count
 * and seal is checked, and the first violation ends the connection. */
#ifndef CELL_WIRE_H
#define CELL_WIRE_H

#include <jackfield/jackfield.h>
#include <stdbool.h>

/** Both sides must have been built for the same one. */
#define CELL_PROTOCOL 5u
/** Larger views become memfds, and so do those above CELL_SMALL once a frame is half full. */
#define CELL_INLINE_MOST 65536u
#define CELL_SMALL 256u
#define CELL_FRAME_MOST 163840u
/** A packet is closed once it is this large, so that it never exceeds CELL_PACKET_MOST with one more frame.
 */
#define CELL_PACKET_FULL 32768u
#define CELL_PACKET_MOST 196608u
/** Readable bytes behind every received view: JF_MSG_PADDED holds for all of them. */
#define CELL_PADDING 64u
/** Memfds in one packet (the kernel's own bound is 253), in one frame, and bytes in one of them. */
#define CELL_PACKET_BODIES 32u
#define CELL_FRAME_BODIES 16u
#define CELL_BODY_MOST (1ull << 30)
/** Pairs (headers, log fields) in one frame. */
#define CELL_PAIRS_MOST 256u
/** What an array of a message's pairs needs room for: headers and fields. */
#define CELL_MESSAGE_PAIRS (2 * CELL_PAIRS_MOST)
/** Labels of one endpoint; what it has beyond is left out. */
#define CELL_LABELS_MOST 16u
/** Roles and scopes of one principal, and accesses of one review. What has more cannot cross. */
#define CELL_NAMES_MOST 1024u
#define CELL_ACCESSES_MOST 65536u
/** Bytes of what is packed into one view, see cell_writer.is_bare. */
#define CELL_PACK_MOST (128u << 20)

/** cell_head.type. The host's first, then the cell's; see the functions that write them for the payloads. */
enum {
    /* either way */
    CELL_NONE = 0,   /**< done with already (set by the receiver) */
    CELL_ANSWER = 1, /**< to the ask with the same `serial` */
    /* from the host: life */
    CELL_SETUP = 10,   /**< first of all; asks */
    CELL_START = 11,   /**< asks */
    CELL_DRAIN = 12,   /**< number: deadline */
    CELL_STOP = 13,    /**< asks */
    CELL_DESTROY = 14, /**< asks; the cell ends */
    CELL_PING = 15,    /**< number: any; payload: log levels enabled */
    /* from the host: jf.toolset/1. `ref` is the object's or the operation's. */
    CELL_SET_OPEN = 20,
    CELL_SET_CLOSE = 21,
    CELL_SET_LIST = 22,
    CELL_REQUEST = 23,
    CELL_REQUEST_CANCEL = 24,
    /* from the host: jf.routing/1 */
    CELL_ATTACH = 30,
    CELL_DETACH = 31,
    CELL_PICK = 32,
    CELL_OBSERVE = 33,
    CELL_EXPORT = 34,
    CELL_IMPORT = 35,
    /* from the host: jf.connector/1 */
    CELL_CHANNEL_OPEN = 40,
    CELL_SEND = 41,
    CELL_EXCHANGE_CANCEL = 42,
    CELL_CHANNEL_CLOSE = 43,
    CELL_CHANNEL_USAGE = 44, /**< CELL_USED follows */
    /* from the host: jf.listener/1 */
    CELL_LISTEN = 50,
    CELL_UNLISTEN = 51,
    CELL_REPLY = 52,
    CELL_CLIENT_CLOSE = 53,
    CELL_CLIENT_REFUSED = 54,
    /* from the host: jf.calls/1 */
    CELL_CALL_DONE = 60,
    /* from the host: jf.auth/1, jf.credentials/1, jf.policy/1, jf.filter/1, jf.store/1. `ref` is the object's
     * or the operation's; then the object is the first number of the payload. */
    CELL_AUTH_ATTACH = 61, /**< its answer brings the description */
    CELL_SOURCE_ATTACH = 62,
    CELL_POLICY_ATTACH = 63,
    CELL_FILTER_ATTACH = 64,
    CELL_STORE_WATCH = 65,
    CELL_FACET_DETACH = 66, /**< of any of the five */
    CELL_IDENTIFY = 70,
    CELL_DESCRIBE = 71, /**< CELL_DESCRIBED follows */
    CELL_SUPPLY = 72,
    CELL_DECIDE = 73,
    CELL_REVIEW = 74,
    CELL_PASSAGE = 75, /**< number 0: a request, 1: a result */
    CELL_PASSED = 76,
    CELL_STORE = 77, /**< number: CELL_STORE_* */
    /* from the host: jf.state/1, jf.inbound/1 */
    CELL_STATE_DONE = 80,
    CELL_STATE_CHANGED = 81, /**< number: the revision */
    CELL_WANTS = 82,         /**< number: JF_WANTS_* */
    CELL_HOST_LAST = 82,
    /* from the cell: life and general services */
    CELL_PONG = 100, /**< number: the ping's; payload: bytes of jf.memory/1, log records lost */
    CELL_LOG = 101,
    CELL_SECRET = 102, /**< asks */
    CELL_SEAL = 103,   /**< asks; number 0: seal, 1: open */
    /* from the cell: jf.ops/1, jf.toolsets/1, jf.calls/1 */
    CELL_FINISH = 110,
    CELL_PROGRESS = 111,
    CELL_CHANGED = 112,
    CELL_CALL = 113,
    CELL_CALL_CANCEL = 114,
    /* from the cell: jf.channels/1 */
    CELL_READY = 120,
    CELL_DELIVER = 121,
    CELL_FAILED = 122,
    CELL_WRITABLE = 123,
    CELL_CLOSED = 124,
    CELL_CHANNEL_SLOW = 125,
    CELL_USED = 126, /**< status: that of `usage`; payload: the members of jf_usage */
    /* from the cell: jf.inbound/1 */
    CELL_CLIENT_OPENED = 130,
    CELL_CLIENT_MESSAGE = 131,
    CELL_CLIENT_GONE = 132,
    CELL_CLIENT_WRITABLE = 133,
    CELL_CLIENT_CLOSED = 134,
    CELL_CLIENT_SLOW = 135,
    /* from the cell: jf.auth/1, jf.identity/1, jf.connected/1, jf.policies/1, jf.watches/1 */
    CELL_DESCRIBED = 140,
    CELL_IDENTITY_FORGET = 141,
    CELL_CONNECTED = 142,
    CELL_CONNECTED_FORGET = 143,
    CELL_POLICY_CHANGED = 144,
    CELL_WATCH_CHANGED = 145, /**< number: the revision */
    /* from the cell: jf.state/1. `ref` is the cell's. */
    CELL_STATE = 150, /**< number: CELL_STORE_* */
    CELL_STATE_ABANDON = 151,
    CELL_STATE_WATCH = 152, /**< asks; number: the cell's handle */
    CELL_STATE_UNWATCH = 153
};

/** The number of CELL_REQUEST_CANCEL: whose operation it is. */
enum {
    CELL_OF_TOOLSET = 0,
    CELL_OF_AUTH = 1,
    CELL_OF_SOURCE = 2,
    CELL_OF_POLICY = 3,
    CELL_OF_FILTER = 4,
    CELL_OF_STORE = 5
};

/** The number of CELL_STORE and CELL_STATE. */
enum {
    CELL_STORE_GET = 0,
    CELL_STORE_PUT = 1,
    CELL_STORE_REMOVE = 2,
    CELL_STORE_LIST = 3,
    CELL_STORE_ADD = 4,
    CELL_STORE_TAKE = 5
};

/** cell_head.flags: a repeated open after a restart; its answer carries the flag too. */
#define CELL_AGAIN 1u

/** The head of a frame. */
typedef struct cell_head {
    uint32_t length; /**< of the whole frame, a multiple of 8 */
    uint16_t type;
    uint8_t bodies; /**< memfds that belong to it, taken from the packet's in order */
    uint8_t flags;
    uint64_t ref;
    uint64_t number;
    int32_t status;
    uint32_t serial;   /**< joins an ask with its answer; 0: no ask */
    uint64_t reserved; /**< 0 */
} cell_head;
_Static_assert(sizeof(cell_head) == 40, "the head of a frame");

/* ---- Reading ---- */

/** One received memfd, mapped; `base` NULL once somebody has taken it. */
typedef struct cell_body {
    uint8_t *base;
    uint64_t mapped;
} cell_body;

/** One received packet. `bytes` has CELL_PACKET_MOST + CELL_PADDING bytes. */
typedef struct cell_packet {
    struct cell_packet *next;
    _Atomic uint32_t refs; /**< who still reads from it; cell_packet_free takes one away */
    uint32_t used, at;
    uint32_t body_count, body_at;
    _Atomic bool is_secret; /**< wiped before it is used again */
    cell_body bodies[CELL_PACKET_BODIES];
    uint8_t *bytes;
} cell_packet;

/** One frame inside a packet, with a place to read from. */
typedef struct cell_frame {
    cell_head head;
    const uint8_t *at, *end;
    cell_packet *packet;
    uint32_t body_at, body_end;
    const char *bad; /**< what is wrong with it; every later read gives zeros and absent views */
} cell_frame;

/** Takes the packet's next frame. False at its end, or with *bad set where the packet is malformed. */
bool cell_next_frame(cell_packet *packet, cell_frame *frame, const char **bad);
/** Marks the frame as done with, for a packet that is read again from its beginning. */
void cell_frame_consume(cell_frame *frame);
uint64_t cell_get_number(cell_frame *frame);
/** A view into the packet or a mapped body, readable until the packet is freed. */
jf_view cell_get_view(cell_frame *frame);
/** Reads at most `most` pairs into `pairs`; more are a violation. Returns the count. */
uint32_t cell_get_pairs(cell_frame *frame, jf_pair *pairs, uint32_t most);
/** Reads a fault that cell_put_fault wrote; sizes and code are bounded. */
void cell_get_fault(cell_frame *frame, jf_fault *fault);
/** Reads a message that cell_put_message wrote; *body and `pairs` (CELL_MESSAGE_PAIRS) receive its arrays.
 */
void cell_get_message(cell_frame *frame, jf_message *message, jf_view *body, jf_pair *pairs);
/** Reads what cell_put_usage wrote. */
void cell_get_usage(cell_frame *frame, jf_usage *usage);
/** The next view as a blob of its own: a mapped body is handed over, inline bytes are copied. False without
 * memory. Absent views give an absent blob. */
bool cell_take_blob(cell_frame *frame, jf_blob *blob);
/** Marks the frame as malformed; what is said first counts. */
void cell_reject(cell_frame *frame, const char *why);
/** A place to read from inside a view that was packed with cell_writer.is_bare. */
cell_frame cell_unpack(cell_frame *frame, jf_view packed);
/** Whether everything was read and nothing is wrong. */
bool cell_frame_done(cell_frame *frame);

/** An empty packet; NULL without memory. */
cell_packet *cell_packet_new(void);
/** Takes one reference away; with the last one unmaps what nobody took, and frees. NULL is ignored. */
void cell_packet_free(cell_packet *packet);
/** Unmaps what nobody took, so that the packet can be filled again. */
void cell_packet_reset(cell_packet *packet);
/** Checks a memfd's seals and size and maps it; `fd` is closed in any case. NULL or what is wrong. */
const char *cell_body_map(int fd, cell_body *body);

/* ---- Writing ---- */

/** A packet being written. Zeroed to begin with; cell_writer_clear frees. */
typedef struct cell_writer {
    uint8_t *bytes;
    uint32_t used, capacity;
    uint32_t frame; /**< where the open frame begins */
    uint32_t fd_count, frame_fds;
    uint64_t body_bytes, frame_body_bytes; /**< in the memfds */
    bool failed;                           /**< the open frame: no memory, or too large */
    bool is_bare;   /**< no frame, but bytes that become one view: everything inline, CELL_PACK_MOST */
    bool is_secret; /**< the packet is wiped once it was sent */
    int fds[CELL_PACKET_BODIES];
} cell_writer;

/** Opens a frame. Only after cell_writer_full was false. */
void cell_begin(cell_writer *out, uint16_t type, uint64_t ref, uint64_t number, int32_t status,
                uint32_t serial);
void cell_put_flags(cell_writer *out, uint8_t flags);
void cell_put_number(cell_writer *out, uint64_t number);
void cell_put_view(cell_writer *out, jf_view view);
/** One view made of several segments. */
void cell_put_segments(cell_writer *out, const jf_view *segments, uint32_t count);
void cell_put_pairs(cell_writer *out, const jf_pair *pairs, uint64_t count);
/** NULL is written as an empty fault. */
void cell_put_fault(cell_writer *out, const jf_fault *fault);
void cell_put_message(cell_writer *out, const jf_message *message);
void cell_put_usage(cell_writer *out, const jf_usage *usage);
/** Closes the frame. False: it could not be written (no memory, no descriptors, too large) and is not there.
 */
bool cell_end(cell_writer *out);
/** Bytes of the frame that was just ended, its memfds included. */
uint64_t cell_frame_weight(const cell_writer *out);
/** Whether the packet should be sent before another frame is begun. */
bool cell_writer_full(const cell_writer *out);
/** Closes descriptors, frees, zeroes. */
void cell_writer_clear(cell_writer *out);

/** Whether `id` is one of the words, parted by single spaces, in `list`; NULL has none. */
bool cell_lists(const char *list, const char *id);
/** A C string as a view; NULL is absent. */
jf_view cell_text(const char *text);
/** Fills a fault in: text is cut to its room. `flags` are JF_FAULT_*. NULL is ignored. Answers `code`. */
__attribute__((format(printf, 5, 6))) int32_t cell_fault(jf_fault *fault, int32_t code, uint32_t flags,
                                                         uint32_t retry_ms, const char *format, ...);
/** Copies min(declared, own) bytes of a sized struct into a zeroed one and sets its size to `own`. */
void cell_attach(void *to, uint32_t own, const void *from);

/** Services that the host has, as CELL_SETUP tells them. */
#define CELL_SERVICE_OPS 1ull
#define CELL_SERVICE_TOOLSETS 2ull
#define CELL_SERVICE_CHANNELS 4ull
#define CELL_SERVICE_INBOUND 8ull
#define CELL_SERVICE_CALLS 16ull
#define CELL_SERVICE_SEAL 32ull
#define CELL_SERVICE_SECRETS 64ull
#define CELL_SERVICE_IDENTITY 128ull
#define CELL_SERVICE_CONNECTED 256ull
#define CELL_SERVICE_POLICIES 512ull
#define CELL_SERVICE_WATCHES 1024ull
#define CELL_SERVICE_STATE 2048ull

/** What the plugin has, as the cell answers CELL_SETUP. */
#define CELL_HAS_TOOLSET (1ull << 0)
#define CELL_HAS_READ (1ull << 1)
#define CELL_HAS_PROMPT (1ull << 2)
#define CELL_HAS_COMPLETE (1ull << 3)
#define CELL_HAS_ROUTING (1ull << 8)
#define CELL_HAS_OBSERVE (1ull << 9)
#define CELL_HAS_STATE (1ull << 10)
#define CELL_HAS_CONNECTOR (1ull << 16)
#define CELL_HAS_USAGE (1ull << 17)
#define CELL_HAS_LISTENER (1ull << 24)
#define CELL_HAS_SEAL (1ull << 32)
#define CELL_HAS_AUTH (1ull << 33)
#define CELL_HAS_DESCRIBE (1ull << 34)
#define CELL_HAS_CREDENTIALS (1ull << 35)
#define CELL_HAS_POLICY (1ull << 36)
#define CELL_HAS_REVIEW (1ull << 37)
#define CELL_HAS_CLASSIFY (1ull << 38)
#define CELL_HAS_FILTER (1ull << 39)
#define CELL_HAS_FILTER_REQUEST (1ull << 40)
#define CELL_HAS_FILTER_RESULT (1ull << 41)
#define CELL_HAS_FILTER_ENDED (1ull << 42)
#define CELL_HAS_STORE (1ull << 43)
#define CELL_HAS_WATCH (1ull << 44)

/* ---- Who asks for what (wire_access.c) ---- */

/** Where the arrays of what is read go: roles and scopes, fields and labels. */
typedef struct cell_room {
    jf_view *names;
    uint32_t name_count, names_most;
    jf_pair *pairs;
    uint32_t pair_count, pairs_most;
} cell_room;

/** What has more names or pairs than may cross fails the frame: half a list of roles could allow more than
 * the whole. NULL is nobody. */
void cell_put_principal(cell_writer *out, const jf_principal *principal);
void cell_get_principal(cell_frame *frame, jf_principal *principal, cell_room *room);
void cell_put_credentials(cell_writer *out, const jf_credentials *credentials);
void cell_get_credentials(cell_frame *frame, jf_credentials *credentials, cell_room *room);
void cell_put_demand(cell_writer *out, const jf_demand *demand);
void cell_get_demand(cell_frame *frame, jf_demand *demand, jf_principal *principal, cell_room *room);
/** Without its principal. */
void cell_put_access(cell_writer *out, const jf_access *access);
void cell_get_access(cell_frame *frame, jf_access *access, cell_room *room);
void cell_put_passage(cell_writer *out, const jf_passage *passage);
void cell_get_passage(cell_frame *frame, jf_passage *passage, jf_principal *principal, cell_room *room);

/** One operation of a store with its arguments, those of the others unset. */
typedef struct cell_store_ask {
    uint64_t slot; /**< CELL_STORE_* */
    jf_view key;   /**< get, remove */
    uint64_t revision;
    jf_store_put put;
    jf_store_list list;
    jf_store_add add;
    jf_store_limit limits[JF_STORE_TAKE_MOST];
    uint64_t count;
} cell_store_ask;
void cell_put_store(cell_writer *out, const cell_store_ask *ask);
/** `slot` comes with the frame's head. */
void cell_get_store(cell_frame *frame, uint64_t slot, cell_store_ask *ask);

#endif
