/* SPDX-License-Identifier: Apache-2.0
 * What a provider of identities is to the sources that all of them share: the ABI side is in instance.c. */
#ifndef AUTH_COMMON_PROVIDER_H
#define AUTH_COMMON_PROVIDER_H

#include "arena.h"

#include <jackfield/auth.h>
#include <jackfield/clock.h>
#include <jackfield/host.h>
#include <jackfield/http.h>
#include <jackfield/log.h>
#include <jackfield/loop.h>
#include <jackfield/ops.h>

/** The host as one instance sees it. */
struct au_host {
    const jf_clock_1 *clock;
    const jf_loop_1 *loop;
    const jf_ops_1 *ops;
    const jf_log_1 *log;           /**< NULL: nobody keeps a log */
    const jf_http_1 *http;         /**< NULL: no requests can be made */
    const jf_identity_1 *identity; /**< NULL: what was accepted cannot be taken back */
    bool stopped;
};

/** One configured provider, on one loop. Providers begin their own record with it. */
struct au_provider {
    struct au_host *host;
    struct au_arena keep; /**< what its configuration needs */
    const char *name;     /**< in the configuration, for the log */
};

struct au_options;
struct au_text;

/** The kind of provider that a plugin has, a static table named au_this. */
struct au_kind {
    const char *plugin;
    uint32_t record; /**< bytes of a provider's record */
    bool http;       /**< it is of no use without jf.http/1 */
    /** Reads the options into the zeroed record. What fails is in options->status; `close` follows then. */
    void (*open)(struct au_provider *provider, struct au_options *options);
    /** As jf_auth_1.identify, with all members of jf_credentials that are known here. */
    int32_t (*identify)(struct au_provider *provider, jf_ref op, const jf_credentials *credentials,
                        jf_blob *principal, jf_fault *why);
    /** Writes the members of the description. Optional. */
    void (*describe)(struct au_provider *provider, struct au_text *out);
    /** Ends timers and requests, and finishes what waits. Called at least once; calls nobody twice. Optional.
     */
    void (*halt)(struct au_provider *provider);
    /** Frees what is not in `keep`. Optional. */
    void (*close)(struct au_provider *provider);
};
extern const struct au_kind au_this;

/** A view of a string literal. */
#define AU_LITERAL(text) ((jf_view){(const uint8_t *)(text), sizeof(text) - 1})

static inline bool au_same(jf_view a, jf_view b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}
/** Whether text matches a pattern in which * stands for any text. */
bool au_glob(jf_view pattern, jf_view text);
/** Whether text may name somebody: not empty, and without control characters or those that turn the direction
 * of what follows (a log would show another name than it is). It is UTF-8 already. */
bool au_presentable(jf_view text);

/** Monotonic nanoseconds. */
static inline uint64_t au_now(const struct au_host *host) {
    return host->clock->monotonic_ns(host->clock->context);
}

/** Fills in a fault for the operator: "PLUGIN: " and the text. Returns `code`. */
int32_t au_refuse(jf_fault *why, int32_t code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/** The credentials are not good. The text is for the client, in plain ASCII without quotes. Returns
 * JF_E_DENIED. */
int32_t au_deny(jf_fault *why, const char *text);
/** It cannot be known now. Returns JF_E_GONE. */
int32_t au_unknown(jf_fault *why, uint64_t retry_ms, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Writes one record with the provider's name. */
void au_log(const struct au_provider *provider, uint32_t level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** What was accepted may not hold any more: all of it, or one credential. */
void au_forget(const struct au_provider *provider, jf_view credential);
enum { AU_FORGET_MOST = 64 };
/** The same for `count` credentials, of which AU_FORGET_MOST are there: for more, it is all of it. */
void au_forget_all(const struct au_provider *provider, const jf_view *credentials, uint32_t count);

/** The bearer token of a request (RFC 6750 section 2.1). JF_ABSENT: no Authorization of that scheme.
 * JF_E_DENIED: several of them, or characters that no token has. */
int32_t au_bearer(const jf_credentials *credentials, jf_view *token, jf_fault *why);
/** The field of this name (lower case) if there is exactly one. JF_ABSENT: none; JF_E_DENIED: several. */
int32_t au_field(const jf_credentials *credentials, jf_view name, jf_view *value, jf_fault *why);

#endif
