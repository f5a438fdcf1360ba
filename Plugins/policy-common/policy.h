/* SPDX-License-Identifier: Apache-2.0
 * What a policy is to the sources that all policy plugins share: the ABI side is in instance.c. */
#ifndef JF_POLICY_COMMON_H
#define JF_POLICY_COMMON_H

#include <jackfield/host.h>
#include <jackfield/http.h>
#include <jackfield/json.h>
#include <jackfield/ops.h>
#include <jackfield/policy.h>
#include <jackfield/routing.h>
#include <jackfield/toolset.h>

/** The host as one instance sees it. */
typedef struct pc_host {
    const jf_ops_1 *ops;   /**< NULL: none */
    const jf_http_1 *http; /**< NULL: none */
} pc_host;

/** One configured policy, on one loop. Policies begin their own record with it. */
typedef struct pc_policy {
    const pc_host *host;
    void *kept; /**< memory of pc_keep */
    jf_ref handle;
} pc_policy;

/** The policy of a plugin: one static table named pc_this. Slots as in jf_policy_1; those that are NULL are
 * left out. */
typedef struct pc_kind {
    const char *plugin, *name;
    uint32_t record; /**< bytes of a policy's record */
    bool asks;       /**< it needs jf.http/1 and jf.ops/1 */
    /** Reads the options into the zeroed record. On an error `close` is called as well. */
    int32_t (*open)(pc_policy *policy, const jf_json_value *options, jf_fault *why);
    void (*close)(pc_policy *policy);
    int32_t (*decide)(pc_policy *policy, jf_ref op, const jf_access *access, jf_ruling *ruling,
                      jf_fault *why);
    int32_t (*review)(pc_policy *policy, jf_ref op, const jf_access *const *accesses, uint64_t count,
                      jf_blob *decisions, jf_fault *why);
    int32_t (*classify)(pc_policy *policy, const jf_principal *principal, jf_blob *name, jf_fault *why);
    /** The instance stops: what is open ends. */
    void (*stop)(pc_policy *policy);
} pc_kind;
extern const pc_kind pc_this;

/* ---- Memory ---- */

/** Zeroed memory that lives until the policy is detached; NULL when there is none. */
void *pc_keep(pc_policy *policy, uint64_t size);
/** A copy of text with a NUL behind it; absent when there is no memory. */
jf_view pc_keep_text(pc_policy *policy, jf_view text);
/** A string's decoded text, kept; absent when there is no memory or it is half a character. */
jf_view pc_keep_string(pc_policy *policy, const jf_json_value *string);
/** Formatted text, kept. */
jf_view pc_keep_format(pc_policy *policy, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Gives `bytes` (of malloc) away. */
void pc_give(jf_blob *out, void *bytes, uint64_t length);

/* ---- Text that grows ---- */

typedef struct pc_text {
    char *bytes;
    uint64_t length, room;
    bool failed; /**< there was no memory */
} pc_text;
void pc_put(pc_text *text, const void *bytes, uint64_t length);
void pc_puts(pc_text *text, const char *words);
/** As a JSON string with its quotes. */
void pc_put_quoted(pc_text *text, jf_view words);

/* ---- Options ---- */

static inline jf_view pc_view(const char *text) {
    return (jf_view){(const uint8_t *)text, strlen(text)};
}
static inline bool pc_same(jf_view a, jf_view b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}
/** A member of an object that was read. False: there is none. */
bool pc_member(const jf_json_value *object, const char *name, jf_json_value *out);
/** How many members or elements there are. */
uint32_t pc_count(const jf_json_value *container);
/** 1, 0, or `preset` when it is not there. */
int pc_flag(const jf_json_value *options, const char *name, int preset);
/** An integer that the schema has checked, or `preset`. */
int64_t pc_integer(const jf_json_value *options, const char *name, int64_t preset);
/** Whether an option is the word. */
bool pc_is(const jf_json_value *options, const char *name, const char *word);
/** JF_E_INVALID with "POLICY: " and the text. */
int32_t pc_wrong(jf_fault *why, const char *format, ...) __attribute__((format(printf, 2, 3)));
int32_t pc_no_memory(jf_fault *why);

/* ---- Patterns (glob.c) ---- */

/** `*` stands for any run of bytes, `?` for one character. Time: pattern times text at worst. */
bool pc_glob(jf_view pattern, jf_view text);

#endif
