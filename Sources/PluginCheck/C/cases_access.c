/* SPDX-License-Identifier: Apache-2.0
 * Cases: the facets jf.auth/1, jf.credentials/1 and jf.policy/1. */
#include "check.h"

/* Whether a result is a JSON object; reported. */
static bool is_object(check_host *h, const check_op *op, const char *what) {
    jf_view text = {(const uint8_t *)op->result, op->length};
    const char *at = op->result;
    while (at != NULL && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r'))
        at++;
    if (at != NULL && *at == '{' && mock_json_valid(text)) return true;
    check_fail(h->c, "Answer JF_OK with one JSON object.", "%s is no JSON object: %.100s", what,
               op->result != NULL ? op->result : "(nothing)");
    return false;
}

static bool has(check_host *h, const check_op *op, const char *pointer) {
    char *value = jf_mock_json_get(h->mock, op->result, pointer);
    free(value);
    return value != NULL;
}

/* ---- jf.auth/1 ---- */

static const char *auth_options(const check_setup *setup) {
    return setup->auth;
}

/* What strangers put into a header field. */
static uint64_t hostile(uint32_t variant, const char **bytes) {
    static char huge[65536], deep[4000];
    static const char *const texts[] = {"",
                                        "Bearer",
                                        "Bearer ",
                                        "Bearer x",
                                        "bearer x",
                                        "Basic",
                                        "Basic ====",
                                        "Basic Og==",
                                        "Basic YWxpY2U6c2VjcmV0",
                                        "Bearer a.b.c",
                                        "Bearer eyJhbGciOiJub25lIn0.e30.",
                                        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0",
                                        "Bearer ..",
                                        "Bearer .",
                                        " \t Bearer  x",
                                        "Digest username=\"x\"",
                                        "Bearer x, Bearer y",
                                        "\xff\xfe\x80",
                                        "Bearer \xc3\x28",
                                        "DPoP x",
                                        "Negotiate TlRMTVNTUAABAAAA"};
    const uint32_t count = sizeof texts / sizeof texts[0];
    if (variant < count) {
        *bytes = texts[variant];
        return strlen(texts[variant]);
    }
    memset(huge, 'A', sizeof huge);
    memcpy(huge, "Bearer ", 7);
    memset(deep, '.', sizeof deep);
    memcpy(deep, "Bearer ", 7);
    *bytes = variant == count ? huge : variant == count + 1 ? deep : "Bearer\0x";
    return variant == count ? sizeof huge : variant == count + 1 ? sizeof deep : 8;
}

enum { HOSTILE = 24, AUTH_VARIANTS = HOSTILE * 2 + 3 };

static check_op *identify(check_host *h, jf_ref handle, uint32_t variant) {
    check *c = h->c;
    const jf_auth_1 *auth = jf_mock_facet(h->mock, JF_AUTH_1);
    static const char *const standard[] = {"authorization", NULL};
    const char *const *names =
        c->setup->fields != NULL && c->setup->fields[0] != NULL ? c->setup->fields : standard;
    uint64_t fields = 0;
    while (names[fields] != NULL && fields < 8)
        fields++;
    jf_pair pairs[16];
    const char *bytes;
    uint64_t length = hostile(variant % HOSTILE, &bytes), count = 0;
    /* None at all; each of them once; each of them twice. */
    uint64_t times = variant >= HOSTILE * 2 ? 0 : variant < HOSTILE ? 1 : 2;
    for (uint64_t i = 0; i < fields * times; i++)
        pairs[count++] = (jf_pair){check_lend_text(c, "a field's name", names[i / times]),
                                   check_lend(c, "a field's value", bytes, length)};
    jf_view lent = check_lend(c, "the fields", pairs, count * sizeof pairs[0]);
    jf_credentials credentials = {.size = sizeof credentials,
                                  .target = check_lend_text(c, "`target`", "/mcp"),
                                  .resource = check_lend_text(c, "`resource`", "https://mcp.example/mcp"),
                                  .fields = count > 0 ? (const jf_pair *)(const void *)lent.ptr : NULL,
                                  .field_count = count,
                                  .now_ms = 1700000000000u};
    if (variant % 2 == 0) {
        credentials.flags = JF_CREDENTIALS_LOCAL;
        credentials.address = check_lend_text(c, "`address`", "127.0.0.1:51234");
    }
    if (variant == AUTH_VARIANTS - 1)
        credentials.certificate = check_lend(c, "`certificate`", "\x30\x82\xff\xff\x00", 5);
    jf_view place = check_lend(c, "the credentials", &credentials, sizeof credentials);
    check_op *op = check_begin(h, JF_HAS(auth, cancel) ? auth->cancel : NULL);
    jf_blob principal = {0};
    jf_fault why = {.size = sizeof why};
    check_enter(h, "identify");
    int32_t status = auth->identify(h->mock->self, op->ref, handle,
                                    (const jf_credentials *)(const void *)place.ptr, &principal, &why);
    check_leave(h);
    check_return(c);
    check_answered(h, op, "identify", true, status, &principal, &why);
    return op;
}

static void judge_principal(check_host *h, const check_op *op, uint32_t variant) {
    (void)variant;
    if (op->status != JF_OK || !is_object(h, op, "the principal")) return;
    char *subject = jf_mock_json_get(h->mock, op->result, "/subject");
    if (subject == NULL || subject[0] == 0)
        check_fail(h->c, "Name whom the credentials belong to.", "the principal has no `subject`: %.100s",
                   op->result);
    free(subject);
}

const check_driver check_auth_driver = {JF_AUTH_1,     "auth",   auth_options,
                                        AUTH_VARIANTS, identify, judge_principal};

static void identifies(check *c) {
    check_drive(c, &check_auth_driver);
}
static void auth_cancel(check *c) {
    check_drive_canceled(c, &check_auth_driver);
}
static void auth_handles(check *c) {
    check_drive_handles(c, &check_auth_driver);
}
static void auth_stop(check *c) {
    check_drive_stopped(c, &check_auth_driver);
}

static void describes(check *c) {
    jf_ref handle = 0;
    check_host *h = check_up(c);
    if (h == NULL) return;
    const jf_auth_1 *auth = jf_mock_facet(h->mock, JF_AUTH_1);
    if (!JF_HAS(auth, describe)) {
        check_skip(c, "it describes nothing");
    } else if (check_attach_to(h, &check_auth_driver, &handle)) {
        jf_blob description = {0};
        jf_fault *why = jf_mock_fault(h->mock);
        check_enter(h, "describe");
        int32_t status = auth->describe(h->mock->self, handle, &description, why);
        check_leave(h);
        check_op op = {.status = status};
        if (status == JF_OK) {
            op.length = description.len;
            op.result = jf_mock_take(&description);
            is_object(h, &op, "the description");
            free(op.result);
        } else {
            check_why(h, "describe", status, why);
        }
        check_detach_from(h, &check_auth_driver, handle);
    }
    check_host_free(h);
}

/* ---- jf.credentials/1 ---- */

static const char *source_options(const check_setup *setup) {
    return setup->source;
}

static check_op *supply(check_host *h, jf_ref handle, uint32_t variant) {
    check *c = h->c;
    const jf_credentials_1 *source = jf_mock_facet(h->mock, JF_CREDENTIALS_1);
    const char *bytes;
    uint64_t length = hostile(variant, &bytes);
    jf_demand demand = {.size = sizeof demand,
                        .flags = variant % 2,
                        .principal = check_lend_principal(h, variant % 3 == 0, variant % 5),
                        .endpoint = check_lend_text(c, "`endpoint`", "http://127.0.0.1:9/mcp"),
                        .method = check_lend_text(c, "`method` of a demand", "tools/call"),
                        .now_ms = 1700000000000u};
    if (variant % 4 == 1) demand.name = check_lend(c, "`name` of a demand", bytes, length);
    if (variant % 4 == 2) demand.presented = check_lend(c, "`presented`", bytes, length);
    if (variant % 4 == 3) {
        demand.refused = variant % 8 == 3 ? JF_STATUS_UNAUTHORIZED : JF_STATUS_FORBIDDEN;
        demand.attempt = variant;
        demand.challenge = check_lend(c, "`challenge`", bytes, length);
    }
    jf_view place = check_lend(c, "the demand", &demand, sizeof demand);
    check_op *op = check_begin(h, JF_HAS(source, cancel) ? source->cancel : NULL);
    jf_blob supplied = {0};
    jf_fault why = {.size = sizeof why};
    check_enter(h, "supply");
    int32_t status = source->supply(h->mock->self, op->ref, handle,
                                    (const jf_demand *)(const void *)place.ptr, &supplied, &why);
    check_leave(h);
    check_return(c);
    check_answered(h, op, "supply", true, status, &supplied, &why);
    return op;
}

static void judge_supply(check_host *h, const check_op *op, uint32_t variant) {
    (void)variant;
    if (op->status != JF_OK || !is_object(h, op, "what it supplies")) return;
    if (!has(h, op, "/headers") && !has(h, op, "/connect"))
        check_fail(h->c, "Answer JF_ABSENT where nothing is needed.",
                   "what it supplies has neither `headers` nor `connect`");
    if (has(h, op, "/connect") && (!has(h, op, "/connect/url") || !has(h, op, "/connect/id")))
        check_fail(h->c, "Say where to, and under which id it will be told.",
                   "`connect` has no `url` or no `id`");
}

const check_driver check_source_driver = {JF_CREDENTIALS_1, "credentials", source_options,
                                          HOSTILE,          supply,        judge_supply};

static void supplies(check *c) {
    check_drive(c, &check_source_driver);
}
static void source_cancel(check *c) {
    check_drive_canceled(c, &check_source_driver);
}
static void source_handles(check *c) {
    check_drive_handles(c, &check_source_driver);
}
static void source_stop(check *c) {
    check_drive_stopped(c, &check_source_driver);
}

/* ---- jf.policy/1 ---- */

static const char *policy_options(const check_setup *setup) {
    return setup->policy;
}

enum { ACCESS_VARIANTS = 40 };

/* One access, with more or less of what there may be. */
static const jf_access *lend_access(check_host *h, uint32_t variant) {
    static const char *const actions[] = {"tools/call",      "resources/read",      "resources/subscribe",
                                          "prompts/get",     "completion/complete", "",
                                          "tools/unheard-of"};
    static char long_name[20000];
    check *c = h->c;
    jf_pair pairs[2] = {{check_lend_text(c, "a label's name", "env"), check_lend_text(c, "a label", "prod")},
                        {check_lend_text(c, "a tag", "eu"), check_lend_text(c, "a tag's value", "")}};
    jf_view labels = check_lend(c, "the labels", pairs, sizeof pairs);
    jf_access access = {.size = sizeof access,
                        .flags = variant % 4,
                        .principal =
                            check_lend_principal(h, variant % 3 == 0, variant % 7 == 6 ? 200 : variant % 3),
                        .kind = variant % 4,
                        .traits = variant,
                        .action = check_lend_text(c, "`action`", actions[variant % 7]),
                        .server = check_lend_text(c, "`server`", "git"),
                        .shown = check_lend_text(c, "`shown`", "git_status"),
                        .target = check_lend_text(c, "`target`", "/mcp"),
                        .now_ms = 1700000000000u};
    memset(long_name, 'n', sizeof long_name);
    access.name = variant % 8 == 1   ? check_lend(c, "`name`", long_name, sizeof long_name)
                  : variant % 8 == 2 ? check_lend(c, "`name`", "\xff\x80 x", 4)
                  : variant % 8 == 3 ? check_lend_text(c, "`name`", "")
                                     : check_lend_text(c, "`name`", "status");
    if (variant % 5 != 0)
        access.definition = check_lend_text(c, "`definition`", "{\"name\":\"status\",\"inputSchema\":{}}");
    if (variant % 2 == 0 && variant % 4 != JF_ACCESS_LISTING)
        access.arguments = check_lend_text(c, "`arguments`", "{\"path\":\"/\",\"deep\":[[[[[null]]]]]}");
    if (variant % 3 == 1) access.address = check_lend_text(c, "`address`", "127.0.0.1:1");
    if (variant % 3 == 2) access.region = check_lend_text(c, "`region`", "eu");
    if (variant % 2 == 1) {
        access.labels = (const jf_pair *)(const void *)labels.ptr;
        access.label_count = 2;
    }
    return (const jf_access *)(const void *)check_lend(c, "the access", &access, sizeof access).ptr;
}

static void read_view(jf_view view) {
    volatile uint8_t sum = 0;
    for (uint64_t i = 0; view.ptr != NULL && i < view.len; i++)
        sum ^= view.ptr[i];
}

static check_op *decide(check_host *h, jf_ref handle, uint32_t variant) {
    check *c = h->c;
    const jf_policy_1 *policy = jf_mock_facet(h->mock, JF_POLICY_1);
    const jf_access *access = lend_access(h, variant);
    check_op *op = check_begin(h, JF_HAS(policy, cancel) ? policy->cancel : NULL);
    jf_ruling ruling = {.size = sizeof ruling};
    jf_blob nothing = {0};
    jf_fault why = {.size = sizeof why};
    check_enter(h, "decide");
    int32_t status = policy->decide(h->mock->self, op->ref, handle, access, &ruling, &why);
    check_leave(h);
    check_return(c);
    check_answered(h, op, "decide", false, status, &nothing, &why);
    if (status != JF_OK) return op;
    /* Its texts stay until the next call. */
    read_view(ruling.rule);
    read_view(ruling.text);
    read_view(ruling.scopes);
    if (ruling.size != sizeof ruling)
        check_fail(c, "`size` is the caller's.", "decide changed the `size` of the ruling to %u",
                   ruling.size);
    if (ruling.decision > JF_HIDE || ruling.reserved != 0)
        check_fail(c, "Decide JF_ALLOW, JF_DENY or JF_HIDE.", "decide answered JF_OK with the decision %u",
                   ruling.decision);
    return op;
}

static void judge_decision(check_host *h, const check_op *op, uint32_t variant) {
    (void)variant;
    /* What the slot answered was judged there. */
    if (op->status != JF_OK || op->is_inline || !is_object(h, op, "the decision")) return;
    char *decision = jf_mock_json_get(h->mock, op->result, "/decision");
    if (decision == NULL ||
        (strcmp(decision, "allow") != 0 && strcmp(decision, "deny") != 0 && strcmp(decision, "hide") != 0))
        check_fail(h->c, "Decide \"allow\", \"deny\" or \"hide\".", "a decision is none: %.100s", op->result);
    free(decision);
}

const check_driver check_policy_driver = {JF_POLICY_1,     "policy", policy_options,
                                          ACCESS_VARIANTS, decide,   judge_decision};

static void decides(check *c) {
    check_drive(c, &check_policy_driver);
}
static void policy_cancel(check *c) {
    check_drive_canceled(c, &check_policy_driver);
}
static void policy_handles(check *c) {
    check_drive_handles(c, &check_policy_driver);
}
static void policy_stop(check *c) {
    check_drive_stopped(c, &check_policy_driver);
}

static void review(check_host *h, jf_ref handle, uint64_t count) {
    check *c = h->c;
    const jf_policy_1 *policy = jf_mock_facet(h->mock, JF_POLICY_1);
    const jf_access **accesses = mock_allocate((count + 1) * sizeof *accesses);
    for (uint64_t i = 0; i < count; i++)
        accesses[i] = lend_access(h, (uint32_t)(i % ACCESS_VARIANTS) / 4 * 4 + JF_ACCESS_LISTING);
    jf_view lent = check_lend(c, "the list of accesses", accesses, count * sizeof *accesses);
    free(accesses);
    check_op *op = check_begin(h, JF_HAS(policy, cancel) ? policy->cancel : NULL);
    jf_blob decisions = {0};
    jf_fault why = {.size = sizeof why};
    check_enter(h, "review");
    int32_t status =
        policy->review(h->mock->self, op->ref, handle, (const jf_access *const *)(const void *)lent.ptr,
                       count, &decisions, &why);
    check_leave(h);
    check_return(c);
    check_answered(h, op, "review", false, status, &decisions, &why);
    if (!check_ended(h, op) || op->status != JF_OK) return;
    if (op->length != count)
        check_fail(c, "Answer one byte for each item.", "a review of %llu items has %llu decisions",
                   (unsigned long long)count, (unsigned long long)op->length);
    for (uint64_t i = 0; i < op->length && !check_failed(c); i++)
        if ((uint8_t)op->result[i] > JF_HIDE)
            check_fail(c, "Decide JF_ALLOW, JF_DENY or JF_HIDE.", "a review decides %u about item %llu",
                       (uint8_t)op->result[i], (unsigned long long)i);
}

static void reviews(check *c) {
    static const uint64_t counts[] = {1, 2, 40, 200, 0};
    jf_ref handle = 0;
    check_host *h = check_up(c);
    if (h == NULL) return;
    const jf_policy_1 *policy = jf_mock_facet(h->mock, JF_POLICY_1);
    if (!JF_HAS(policy, review)) {
        check_skip(c, "it reviews no lists: it is asked about each item");
    } else if (check_attach_to(h, &check_policy_driver, &handle)) {
        for (size_t i = 0; i < sizeof counts / sizeof counts[0] && !check_failed(c); i++)
            review(h, handle, counts[i]);
        check_detach_from(h, &check_policy_driver, handle);
    }
    check_host_free(h);
}

static void classifies(check *c) {
    jf_ref handle = 0;
    c->guarded = true;
    check_host *h = check_up(c);
    if (h == NULL) return;
    const jf_policy_1 *policy = jf_mock_facet(h->mock, JF_POLICY_1);
    if (!JF_HAS(policy, classify)) {
        check_skip(c, "each principal is a class of its own");
    } else if (check_attach_to(h, &check_policy_driver, &handle)) {
        for (uint32_t i = 0; i < 10 && !check_failed(c); i++) {
            jf_blob name = {0}, again = {0};
            jf_fault *why = jf_mock_fault(h->mock);
            check_enter(h, "classify");
            int32_t status =
                policy->classify(h->mock->self, handle, check_lend_principal(h, i == 0, i), &name, why);
            int32_t second =
                policy->classify(h->mock->self, handle, check_lend_principal(h, i == 0, i), &again, why);
            check_leave(h);
            check_return(c);
            if (status == JF_PENDING)
                check_fail(c, "Classify at once.", "classify answered JF_PENDING");
            else if (status < 0 && status != JF_E_UNSUPPORTED)
                check_why(h, "classify", status, why);
            if (status != second ||
                (status == JF_OK && (name.len != again.len || memcmp(name.ptr, again.ptr, name.len) != 0)))
                check_fail(c, "Name the class after what decides.",
                           "a principal is of another class the second time");
            if (name.drop != NULL) name.drop(name.owner);
            if (again.drop != NULL) again.drop(again.owner);
        }
        check_detach_from(h, &check_policy_driver, handle);
    }
    check_host_free(h);
}

CHECK_GROUP(
    access, {"auth.identifies", "whatever a request brings has one answer", JF_AUTH_1, identifies, false},
    {"auth.cancel", "a request that left is finished", JF_AUTH_1, auth_cancel, false},
    {"auth.handles", "many are attached at once, and stay apart", JF_AUTH_1, auth_handles, false},
    {"auth.describes", "its description is a JSON object", JF_AUTH_1, describes, false},
    {"auth.stop", "what is open at the end is finished", JF_AUTH_1, auth_stop, false},
    {"credentials.supplies", "whatever is demanded has one answer", JF_CREDENTIALS_1, supplies, false},
    {"credentials.cancel", "a demand that is given up is finished", JF_CREDENTIALS_1, source_cancel, false},
    {"credentials.handles", "many are attached at once, and stay apart", JF_CREDENTIALS_1, source_handles,
     false},
    {"credentials.stop", "what is open at the end is finished", JF_CREDENTIALS_1, source_stop, false},
    {"policy.decides", "each access has one decision", JF_POLICY_1, decides, false},
    {"policy.cancel", "a decision that nobody waits for is finished", JF_POLICY_1, policy_cancel, false},
    {"policy.handles", "many are attached at once, and stay apart", JF_POLICY_1, policy_handles, false},
    {"policy.reviews", "a review decides about each item", JF_POLICY_1, reviews, false},
    {"policy.classifies", "a principal is always of the same class", JF_POLICY_1, classifies, false},
    {"policy.stop", "what is open at the end is finished", JF_POLICY_1, policy_stop, false}, );
