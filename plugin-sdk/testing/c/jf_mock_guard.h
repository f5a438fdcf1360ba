/* SPDX-License-Identifier: Apache-2.0
 * Driving what stands between a client and a server: jf.auth/1, jf.policy/1, jf.filter/1, jf.credentials/1.
 * Included by jf_mock.h.
 *
 * Each driver calls a slot with copies of what it is given, which are freed as soon as the ABI allows it, so
 * that AddressSanitizer sees a view kept beyond the call. It returns an operation: jf_mock_op_at and
 * jf_mock_wait_op say how it stands, whether the slot answered at once or later, and what came of it is the
 * same text in both cases. Answers that have not the form that the ABI asks for are problems. */
#ifndef JF_MOCK_GUARD_H
#define JF_MOCK_GUARD_H

#include <jackfield/jackfield.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct jf_mock jf_mock;

/** The facets' tables, cut or zero-extended as a host does it; NULL when the plugin has none. */
const jf_auth_1 *jf_mock_auth(jf_mock *mock);
const jf_credentials_1 *jf_mock_credentials(jf_mock *mock);
const jf_policy_1 *jf_mock_policy(jf_mock *mock);
const jf_filter_1 *jf_mock_filter(jf_mock *mock);

/** Call `attach` with JSON options (NULL: "{}"). The plugin's handle, 0 on error (then jf_mock_why). */
jf_ref jf_mock_auth_attach(jf_mock *mock, const char *name, const char *config);
jf_ref jf_mock_credentials_attach(jf_mock *mock, const char *server, const char *config);
jf_ref jf_mock_policy_attach(jf_mock *mock, const char *name, const char *config);
jf_ref jf_mock_filter_attach(jf_mock *mock, const char *name, const char *config);
void jf_mock_auth_detach(jf_mock *mock, jf_ref handle);
void jf_mock_credentials_detach(jf_mock *mock, jf_ref handle);
void jf_mock_policy_detach(jf_mock *mock, jf_ref handle);
void jf_mock_filter_detach(jf_mock *mock, jf_ref handle);

/** Milliseconds of Unix time as every driver tells them; jf_mock_advance moves them. [any] */
uint64_t jf_mock_unix_ms(jf_mock *mock);

/** A principal from JSON as a provider of jf.auth/1 answers it, with the host's `id` and `key`; NULL: nobody.
 * Lives until jf_mock_free. A text that is no principal is a problem, and nobody. */
const jf_principal *jf_mock_principal(jf_mock *mock, const char *json);

/* ---- jf.auth/1 ---- */

/** What a request to /mcp from this machine brings; add to it what a test needs. */
jf_credentials jf_mock_request_credentials(jf_mock *mock);
/** Calls `identify`. The op's result is the principal's JSON. */
jf_ref jf_mock_identify(jf_mock *mock, jf_ref handle, const jf_credentials *credentials);
/** The same with one header field, such as "authorization"; `value` NULL: without any. */
jf_ref jf_mock_identify_field(jf_mock *mock, jf_ref handle, const char *field, const char *value);
/** Calls `describe`. The JSON text, to be freed; NULL on an error or JF_ABSENT (then *status, if not NULL).
 */
char *jf_mock_describe(jf_mock *mock, jf_ref handle, int32_t *status);

/* ---- jf.policy/1 ---- */

/** A call of a tool on the server "server", from the principal (NULL: nobody). The strings must outlive it;
 * `arguments` NULL: {}. */
jf_access jf_mock_access(jf_mock *mock, const jf_principal *who, const char *tool, const char *arguments);
/** Calls `decide`. The op's result is the decision as the JSON that a pending answer brings, members that say
 * nothing left out: {"decision":"deny","rule":"rules[3]"}. */
jf_ref jf_mock_decide(jf_mock *mock, jf_ref handle, const jf_access *access);
/** Calls `review`, or `decide` for each where the plugin has no such slot (which must answer at once then).
 * The op's result has a letter for each access: 'a' allowed, 'd' denied, 'h' hidden. */
jf_ref jf_mock_review(jf_mock *mock, jf_ref handle, const jf_access *const *accesses, uint64_t count);
/** Calls `classify`. The class as text, to be freed; NULL: none, *status (if not NULL) says why. */
char *jf_mock_classify(jf_mock *mock, jf_ref handle, const jf_principal *who, int32_t *status);

/** What a policy decided. Strings live until jf_mock_free; NULL: not said. */
typedef struct jf_mock_ruling {
    int32_t status;    /**< of the operation */
    uint32_t decision; /**< JF_ALLOW, JF_DENY, JF_HIDE; an error is none: UINT32_MAX */
    bool dry;
    const char *rule;
    const char *text;
    const char *scopes; /**< joined by spaces */
} jf_mock_ruling;
jf_mock_ruling jf_mock_ruling_of(jf_mock *mock, jf_ref op);

/* ---- jf.filter/1 ---- */

/** A call of a tool begins: calls `request` with its params. `arguments` NULL: the call has none. */
jf_ref jf_mock_filter_request(jf_mock *mock, jf_ref handle, const jf_principal *who, const char *tool,
                              const char *arguments);
/** The call's result comes back: calls `result`. `request` is what jf_mock_filter_request returned, and is
 * over. */
jf_ref jf_mock_filter_result(jf_mock *mock, jf_ref request, const char *result);
/** The call is over: calls `ended`, where the plugin has it and `request` left a memory. */
void jf_mock_filter_ended(jf_mock *mock, jf_ref request, int32_t status);
/** For everything else: any passage, as a request or as a result. */
jf_ref jf_mock_filter_pass(jf_mock *mock, jf_ref handle, const jf_passage *passage, bool is_result);

/** What a filter made of a passage. Strings live until jf_mock_free. */
typedef struct jf_mock_filtered {
    int32_t status;    /**< of the operation */
    uint32_t decision; /**< JF_PASS, JF_SPLICE, JF_ANSWER, JF_SPILL: `body` is what goes on where nothing is
                          kept */
    uint32_t splices;
    uint64_t memory;
    const char *body; /**< what goes on, splices applied; JF_ANSWER: the answer; NULL on an error */
} jf_mock_filtered;
jf_mock_filtered jf_mock_filtered_of(jf_mock *mock, jf_ref op);

/* ---- jf.credentials/1 ---- */

/** A call of a tool at https://server.example/mcp for the principal (NULL: the gateway itself). */
jf_demand jf_mock_demand(jf_mock *mock, const jf_principal *who);
/** Calls `supply`. The op's result is its JSON. */
jf_ref jf_mock_supply(jf_mock *mock, jf_ref handle, const jf_demand *demand);

/* ---- jf.state/1 ---- */

/** The mock's store is in memory, of this mock alone, and goes by jf_mock_unix_ms. Answers come in a later
 * batch of the loop. From now on each operation ends with `status` (JF_E_GONE: the store is down) and changes
 * nothing; JF_OK: as it should be. */
void jf_mock_state_fail(jf_mock *mock, int32_t status);
/** What the plugin keeps under a key, as text to be freed (counters as digits); NULL: nothing. */
char *jf_mock_state_get(jf_mock *mock, const char *key);
/** Keeps a text under a key, as another gateway would: watches hear of it. NULL removes it. */
void jf_mock_state_set(jf_mock *mock, const char *key, const char *value);
/** How many entries and limits are kept. */
uint32_t jf_mock_state_entries(jf_mock *mock);
uint32_t jf_mock_state_limits(jf_mock *mock);

#ifdef __cplusplus
}
#endif
#endif
