/* SPDX-License-Identifier: Apache-2.0
 * Creates a plugin with every service and with each one missing: it must work or say why not.
 * -DSERVICES: the list that services.py wrote. Usage: life PLUGIN [CONFIG]. Prints `runs` or `refuses:
 * REASON`; exit status 0, 1: a broken rule. */
#include "jf_mock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** A refusal needs a status, a code and a sentence. */
static bool clear(jf_mock *mock, int32_t status, const char *what) {
    const char *text = jf_mock_why(mock);
    bool good = status < 0 && text[0] != 0;
    if (!good) printf("%s: it refuses with %d but does not say why\n", what, (int)status);
    return good;
}

/** Rules that the plugin broke. Without a service a facet may be absent: that is a normal answer. */
static bool kept_rules(jf_mock *mock, const char *missing) {
    uint32_t broken = 0;
    jf_mock_destroy(mock);
    for (uint32_t i = 0; i < jf_mock_problems(mock); i++)
        broken +=
            missing == NULL || strstr(jf_mock_problem(mock, i), "but the plugin has no such table") == NULL;
    jf_mock_forgive(mock);
    return jf_mock_free(mock) == 0 && broken == 0;
}

/** One life: create, start, stop, destroy. `missing` may be NULL. */
static bool live(const char *path, const char *config, const char *missing, bool *runs, char *why,
                 size_t room) {
    jf_mock *mock = jf_mock_new();
    const char *what = missing != NULL ? missing : "with every service";
    if (missing != NULL) jf_mock_hide(mock, missing);
    int32_t status = jf_mock_load(mock, path);
    if (status == JF_OK) status = jf_mock_create(mock, config);
    if (status == JF_OK) status = jf_mock_start(mock);
    *runs = status == JF_OK;
    bool good = *runs || clear(mock, status, what);
    snprintf(why, room, "%s", jf_mock_why(mock));
    return kept_rules(mock, missing) && good;
}

int main(int argc, char **argv) {
    static const struct {
        const char *id;
        uint32_t size;
    } services[] = {
#include SERVICES
    };
    const char *config = argc > 2 ? argv[2] : "{}";
    char why[256], other[256];
    bool runs, also;
    if (argc < 2) return 2;
    bool good = live(argv[1], config, NULL, &runs, why, sizeof why);
    for (size_t i = 0; runs && i < sizeof services / sizeof services[0]; i++)
        good = live(argv[1], config, services[i].id, &also, other, sizeof other) && good;
    if (good) printf(runs ? "runs\n" : "refuses: %s\n", why);
    return good ? 0 : 1;
}
