/* SPDX-License-Identifier: Apache-2.0
 * What the host sees as one channel: a server, whichever of its processes speaks for it now.
 */
#ifndef STDIO_PORT_H
#define STDIO_PORT_H

#include "channel.h"
#include "ledger.h"

/** A message of the host that a replacement has to hear too. */
typedef struct kept {
    uint8_t *bytes; /**< NULL: none */
    uint64_t length;
    uint64_t id_at, id_length; /**< where its id stands; 0, 0: a notification */
} kept;

/** A subscription of the session: `resources/subscribe` of MCP 2025-11-25 and before. */
typedef struct subscription {
    struct subscription *next;
    kept request;
    uint64_t uri_at, uri_length;
} subscription;

/** The first words of the session, and what was asked for since. */
typedef struct greeting {
    kept initialize, initialized, discover, level;
    bool greeted;    /**< `initialize` was answered with a result */
    bool discovered; /**< `server/discover` was */
    uint64_t answer; /**< hash of that result, to see whether a replacement is the same program */
    subscription *subscriptions;
} greeting;

/** What the server's processes have used and done since the port was made, and use as last seen. */
typedef struct account {
    uint64_t measured_ns, memory;
    uint64_t ended_ns; /**< processor time of children that are gone */
    uint64_t cpu_ns;   /**< that was told last: what is told never falls */
    uint32_t processes, threads, descriptors;
    uint32_t started, failures, replaced;
} account;

struct port {
    jf_self *self;
    jf_ref host;   /**< the host's handle */
    jf_ref handle; /**< ours */
    char *name;
    settings settings;
    uint64_t kind; /**< hash of name and configuration: ports of the same kind share their spare children */

    bool closing;  /**< the host called close: `closed` is owed */
    bool tracking; /**< requests are followed by id: for concurrency and recycling */
    bool asleep;   /**< idle: there is no child until the next request */
    bool full;     /**< `writable` is owed */
    bool limits_said;
    channel *lives, *current, *next, *spare;
    ledger ledger;
    greeting greeting;
    bool greeting_next; /**< the next child was said the first words */
    jf_ref tick;        /**< timer: looks at age, idleness, memory, spares */
    jf_ref patience;    /**< timer: the next child has to answer by then */
    deferred task;      /**< `closed`, where no life is left that would lead to it */
    uint64_t active_ns; /**< when the last call began or ended */
    uint64_t retry_ns;  /**< no replacement before */
    uint64_t spare_ns;  /**< no spare before */
    uint64_t report_ns; /**< next record of what it uses */
    account account;
    uint32_t refused; /**< replacements that failed, in a row */
    uint8_t *scratch; /**< joined segments */
    uint64_t scratch_size;
};

/** Reads the configuration and makes the first life. On error nothing is left. [control] */
int32_t port_create(jf_self *self, jf_ref host, jf_view name, jf_view config, port **out, jf_fault *why);
/** Frees it; no life may be left. */
void port_destroy(port *self);
/** The port of a handle, or NULL. */
port *port_find(const jf_self *self, jf_ref handle);
/** Sends one message of the host. [lane] */
int32_t port_send(port *self, const jf_message *message, jf_fault *why);
/** Begins the end of all its lives; `closed` follows. [control] */
void port_close(port *self, uint64_t deadline_ns);

/* ---- what its lives tell it ---- */

/** A child is started. */
void port_up(channel *life);
/** One line of a child. False: no more now. */
bool port_line(channel *life, const uint8_t *line, uint64_t length);
/** The child's queue has room again. */
void port_writable(channel *life);
/** The current child is down, before the host hears of it. */
void port_current_down(port *self);
/** Makes the next child the current one where a sleeping server has no other, so that the host hears how it
 * failed. False: there is another, or it is not the next. */
bool port_promote(channel *life);
/** A child that is not the current one failed. It will not be started again. */
void port_other_down(channel *life, const jf_fault *why);
/** A life was freed. */
void port_life_gone(port *self);

/* ---- handover.c ---- */

/** Keeps what a replacement has to hear, when a request or notification goes to the current child. */
void greeting_note(port *self, const uint8_t *text, uint64_t length, const rpc *parsed);
/** Looks whether an answer is one to the first words. */
void greeting_answered(port *self, const uint8_t *line, uint64_t length, const rpc *parsed);
/** Forgets the session. */
void greeting_forget(port *self);
/** True when the host listens to resources: then the server may not sleep. */
bool port_listens(port *self);
/** Starts a child that is to take over. False: not now. */
bool handover_begin(port *self, const char *reason);
/** The next child is up: says the first words, or hands over at once. */
void handover_greet(port *self);
/** An answer of the next child. */
void handover_answered(port *self, const uint8_t *line, uint64_t length, const rpc *parsed);
/** Ends what the leaving child has not answered with errors, and the child. */
void leaving_end(channel *life, const char *why);
/** Ends a leaving child that has answered everything. */
void leaving_check(channel *life);
/** Sends what waits for a place. */
void port_pump(port *self);
/** Puts a request of the host on a child's account. */
void port_account(port *self, channel *life, const uint8_t *text, uint64_t length, const rpc *parsed);

/* ---- account.c ---- */

/** Tells what the server uses; looks at its processes once a second at most. [lane] */
void account_read(port *self, jf_usage *out);
/** Takes over what a child has used that is reaped, before its tree and group are forgotten. */
void account_close(channel *life);

/* ---- upkeep.c ---- */

/** Begins the regular look at the port where its settings need one. */
void upkeep_schedule(port *self);
/** Takes a spare child of this kind of port for `role`; NULL: there is none. */
channel *spare_take(port *self, channel_role role);

#endif
