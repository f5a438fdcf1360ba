/* SPDX-License-Identifier: Apache-2.0
 * All cases in the order in which they run, and running one. */
#include "check.h"

extern const check_group check_cases_entry, check_cases_lifecycle, check_cases_ops, check_cases_memory,
    check_cases_lanes, check_cases_config, check_cases_hygiene, check_cases_size, check_cases_chaos,
    check_cases_toolset, check_cases_routing, check_cases_access, check_cases_filter, check_cases_store,
    check_cases_connector, check_cases_listener, check_cases_placement;

static const check_group *const groups[] = {
    &check_cases_entry,     &check_cases_lifecycle, &check_cases_ops,       &check_cases_memory,
    &check_cases_lanes,     &check_cases_config,    &check_cases_hygiene,   &check_cases_size,
    &check_cases_chaos,     &check_cases_toolset,   &check_cases_routing,   &check_cases_access,
    &check_cases_filter,    &check_cases_store,     &check_cases_connector, &check_cases_listener,
    &check_cases_placement,
};

static const check_case *case_at(size_t index) {
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        if (index < groups[i]->count) return &groups[i]->cases[index];
        index -= groups[i]->count;
    }
    return NULL;
}

const check_case *check_find(const char *name) {
    const check_case *it;
    size_t index = 0;
    while ((it = case_at(index)) != NULL && strcmp(it->name, name) != 0)
        index++;
    return it;
}

bool check_case_at(size_t index, check_case_info *info) {
    const check_case *it = case_at(index);
    if (it == NULL) return false;
    *info = (check_case_info){it->name, it->summary, it->facet, it->is_gate};
    return true;
}

bool check_run(const char *name, const check_setup *setup, int report, check_result *result) {
    const check_case *it = check_find(name);
    memset(result, 0, sizeof *result);
    if (it == NULL) return false;
    check c = {.setup = setup, .name = it->name, .result = result, .random = setup->seed};
    if (it->facet != NULL && !check_has_facet(&c, it->facet)) {
        check_skip(&c, "it has no %s", it->facet);
        return true;
    }
    check_arm(it->name, report);
    it->run(&c);
    check_disarm();
    return true;
}
