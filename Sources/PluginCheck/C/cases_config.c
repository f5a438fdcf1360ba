/* SPDX-License-Identifier: Apache-2.0
 * Cases: configurations that the manifest's schema allows, and others. */
#include "check.h"

static void allowed(check *c) {
    if (c->setup->config == NULL) {
        check_skip(c, "no configuration could be made from its schema: give one with --config");
        return;
    }
    check_host *standard = check_up(c);
    if (standard == NULL) return;
    check_host_free(standard);
    for (const char *const *config = c->setup->good_configs; config != NULL && *config != NULL; config++) {
        check_host *h = check_host_new(c, true);
        if (h == NULL) return;
        if (check_create(h, *config) != JF_OK) {
            const char *advice =
                "Say in the schema what is accepted: the host checks against it before `create`.";
            const jf_fault *why = &h->mock->fault;
            /* What holds between two members no schema of this subset can say; then a reason is due. */
            if (why->text_len > 0)
                check_warn(c, advice, "its schema allows %.200s, but create refuses it: %s", *config,
                           check_text(why));
            else
                check_fail(c, advice, "its schema allows %.200s, but create refuses it without a reason",
                           *config);
        }
        check_host_free(h);
        if (check_failed(c)) return;
    }
}

static void with_each(check *c, const char *const *configs) {
    for (; configs != NULL && *configs != NULL; configs++) {
        check_host *h = check_host_new(c, true);
        if (h == NULL) return;
        if (check_create(h, *configs) == JF_OK && check_start(h) == JF_OK) check_exercise(h, 1);
        check_host_free(h);
        if (c->result->outcome == CHECK_SKIP) c->result->outcome = CHECK_PASS;
        if (check_failed(c)) return;
    }
}

static void forbidden(check *c) {
    if (c->setup->bad_configs == NULL || c->setup->bad_configs[0] == NULL) {
        check_skip(c, "its schema forbids nothing");
        return;
    }
    with_each(c, c->setup->bad_configs);
}

static void hostile(check *c) {
    static const char *const texts[] = {"",
                                        "{",
                                        "[]",
                                        "null",
                                        "\"\"",
                                        "{\"a\":",
                                        "0",
                                        "nonsense",
                                        "{\"\\u0000\":1}",
                                        "{\"a\":{\"a\":{\"a\":{\"a\":[[[[[[[[1]]]]]]]]}}}}",
                                        NULL};
    with_each(c, texts);
    if (check_failed(c)) return;
    /* An absent view, and the standard one cut anywhere. */
    const char *standard = c->setup->config;
    for (size_t length = 1; standard != NULL && length < strlen(standard) && length < 400; length += 7) {
        char *part = strndup(standard, length);
        const char *one[] = {part, NULL};
        with_each(c, one);
        free(part);
        if (check_failed(c)) return;
    }
}

CHECK_GROUP(config, {"config.allowed", "what the schema allows is accepted", NULL, allowed, false},
            {"config.forbidden", "what the schema forbids does not break it", NULL, forbidden, false},
            {"config.hostile", "what is no JSON does not break it", NULL, hostile, false}, );
