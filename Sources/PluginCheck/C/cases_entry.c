/* SPDX-License-Identifier: Apache-2.0
 * Cases: the entry function and the tables behind it (base.h). */
#include "check.h"

static bool has_asked;

static const void *ask(const jf_host *host, const char *id) {
    (void)host, (void)id;
    has_asked = true;
    return NULL;
}

/* An offer as hosts of another version would make it. */
typedef struct offers {
    jf_offer known;
    uint8_t newer[64];
} offers;

static offers make_offer(uint16_t major, uint16_t minor, bool is_longer) {
    static jf_host host;
    offers it;
    memset(&it, 0xa5, sizeof it);
    it.known = (jf_offer){is_longer ? sizeof it : sizeof it.known, major, minor, &host, ask};
    return it;
}

static const jf_plugin *enter(check *c, const offers *offer, jf_fault *why) {
    *why = (jf_fault){.size = sizeof *why};
    check_step("jf_entry_1");
    const jf_plugin *table = c->entry(&offer->known, why);
    check_step("its start");
    return table;
}

static void load(check *c) {
    uint64_t start = check_clock();
    if (check_entry(c) == NULL) return;
    uint64_t ms = (check_clock() - start) / 1000000u;
    if (ms > 2000)
        check_warn(c, "Move work from constructors to `create`.", "loading it took %llu ms",
                   (unsigned long long)ms);
}

static void answer(check *c) {
    jf_fault why;
    offers offer = make_offer(JF_ABI_MAJOR, JF_ABI_MINOR, false);
    if (check_entry(c) == NULL) return;
    if (enter(c, &offer, &why) != NULL) return;
    if (why.text_len == 0)
        check_fail(c, "Fill in `why`: what the plugin needs and this host does not have.",
                   "its entry function refused without saying why");
    else
        check_fail(c, "Provide what it asks for.", "its entry function refused: %s", check_text(&why));
}

static void table(check *c) {
    jf_fault why;
    offers offer = make_offer(JF_ABI_MAJOR, JF_ABI_MINOR, false);
    if (check_entry(c) == NULL) return;
    const jf_plugin *it = enter(c, &offer, &why);
    if (it == NULL) return;
    if (((uintptr_t)it & 7) != 0) {
        check_fail(c, "Build it with the headers of ABI 1.", "its table is not aligned to 8 bytes");
        return;
    }
    const uint32_t least = offsetof(jf_plugin, start);
    if (it->size < least || it->size > 65536) {
        check_fail(c, "Set jf_plugin.size to sizeof(jf_plugin).",
                   "its table says it has %u bytes; with create, destroy and facet it has at least %u",
                   it->size, least);
        return;
    }
    const char *missing = it->create == NULL    ? "create"
                          : it->destroy == NULL ? "destroy"
                          : it->facet == NULL   ? "facet"
                                                : NULL;
    if (missing != NULL) check_fail(c, "Fill in create, destroy and facet.", "its table lacks %s", missing);
}

static void twice(check *c) {
    jf_fault why;
    offers offer = make_offer(JF_ABI_MAJOR, JF_ABI_MINOR, false);
    if (check_entry(c) == NULL) return;
    const jf_plugin *first = enter(c, &offer, &why);
    jf_plugin kept = {0};
    if (first != NULL) memcpy(&kept, first, first->size < sizeof kept ? first->size : sizeof kept);
    const jf_plugin *second = enter(c, &offer, &why);
    if (second == NULL || first == NULL)
        check_fail(c, "Keep no state in the entry function: hosts may call it as often as they like.",
                   "its entry function refused its second call");
    else if (memcmp(&kept, second, kept.size < sizeof kept ? kept.size : sizeof kept) != 0)
        check_fail(c, "Return the same table each time.",
                   "its entry function gave another table the second time");
}

static void services(check *c) {
    jf_fault why;
    offers offer = make_offer(JF_ABI_MAJOR, JF_ABI_MINOR, false);
    if (check_entry(c) == NULL) return;
    has_asked = false;
    enter(c, &offer, &why);
    if (has_asked)
        check_fail(c, "Ask for services in `create`.",
                   "its entry function asked for a service: at entry none is offered");
}

static void newer_host(check *c) {
    jf_fault why;
    offers offer = make_offer(JF_ABI_MAJOR, 7, true);
    if (check_entry(c) == NULL) return;
    if (enter(c, &offer, &why) == NULL)
        check_fail(c, "A newer minor only adds: take every host whose major is the same.",
                   "it refuses a host of ABI %d.7 whose offer is longer: %s", JF_ABI_MAJOR, check_text(&why));
}

static void unknown_major(check *c) {
    jf_fault why;
    offers offer = make_offer(9, 0, false);
    if (check_entry(c) == NULL) return;
    if (enter(c, &offer, &why) == NULL && why.text_len == 0)
        check_fail(c, "Fill in `why`: which ABI the plugin is built for.",
                   "it refuses a host of ABI 9.0 without saying why");
}

static void pure(check *c) {
    jf_fault why;
    offers offer = make_offer(JF_ABI_MAJOR, JF_ABI_MINOR, false);
    if (check_entry(c) == NULL) return;
    check_snapshot *before = check_snapshot_take();
    uint64_t start = check_clock();
    for (int i = 0; i < 3; i++)
        enter(c, &offer, &why);
    uint64_t ms = (check_clock() - start) / 1000000u;
    check_snapshot_compare(c, before, "its entry function");
    if (ms > 500)
        check_warn(c, "Move work from the entry function to `create`.",
                   "three calls of its entry function took %llu ms", (unsigned long long)ms);
}

/* ---- Facets ---- */

typedef struct required {
    const char *id;
    uint32_t least;
    const char *slots[7];
    uint32_t offsets[7];
} required;

#define SLOT(type, slot) offsetof(type, slot)

static const required tables[] = {
    {JF_TOOLSET_1,
     offsetof(jf_toolset_1, read),
     {"open", "close", "list", "call"},
     {SLOT(jf_toolset_1, open), SLOT(jf_toolset_1, close), SLOT(jf_toolset_1, list),
      SLOT(jf_toolset_1, call)}},
    {JF_ROUTING_1,
     offsetof(jf_routing_1, observe),
     {"attach", "detach", "pick"},
     {SLOT(jf_routing_1, attach), SLOT(jf_routing_1, detach), SLOT(jf_routing_1, pick)}},
    {JF_AUTH_1,
     offsetof(jf_auth_1, describe),
     {"attach", "detach", "identify"},
     {SLOT(jf_auth_1, attach), SLOT(jf_auth_1, detach), SLOT(jf_auth_1, identify)}},
    {JF_CREDENTIALS_1,
     offsetof(jf_credentials_1, cancel),
     {"attach", "detach", "supply"},
     {SLOT(jf_credentials_1, attach), SLOT(jf_credentials_1, detach), SLOT(jf_credentials_1, supply)}},
    {JF_POLICY_1,
     offsetof(jf_policy_1, review),
     {"attach", "detach", "decide"},
     {SLOT(jf_policy_1, attach), SLOT(jf_policy_1, detach), SLOT(jf_policy_1, decide)}},
    {JF_FILTER_1,
     offsetof(jf_filter_1, request),
     {"attach", "detach"},
     {SLOT(jf_filter_1, attach), SLOT(jf_filter_1, detach)}},
    {JF_STORE_1,
     offsetof(jf_store_1, watch),
     {"get", "put", "remove", "list", "add", "take"},
     {SLOT(jf_store_1, get), SLOT(jf_store_1, put), SLOT(jf_store_1, remove), SLOT(jf_store_1, list),
      SLOT(jf_store_1, add), SLOT(jf_store_1, take)}},
    {JF_CONNECTOR_1,
     offsetof(jf_connector_1, usage),
     {"open", "send", "cancel", "close"},
     {SLOT(jf_connector_1, open), SLOT(jf_connector_1, send), SLOT(jf_connector_1, cancel),
      SLOT(jf_connector_1, close)}},
    {JF_LISTENER_1,
     sizeof(jf_listener_1),
     {"listen", "unlisten", "reply", "close"},
     {SLOT(jf_listener_1, listen), SLOT(jf_listener_1, unlisten), SLOT(jf_listener_1, reply),
      SLOT(jf_listener_1, close)}},
};

static void judge_table(check *c, const char *id, const void *facet) {
    uint32_t head[2];
    memcpy(head, facet, sizeof head);
    if (head[0] < 8 || head[0] > 65536) {
        check_fail(c, "Set `size` to sizeof the table.", "its table for %s says it has %u bytes", id,
                   head[0]);
        return;
    }
    if ((head[1] & 0xffff0000u) != 0)
        check_fail(c, "Set no flag that this ABI does not know.",
                   "its table for %s sets the flags 0x%x, which hosts must refuse", id, head[1]);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        if (strcmp(tables[i].id, id) != 0) continue;
        if (head[0] < tables[i].least) {
            check_fail(c, "Set `size` to sizeof the table.",
                       "its table for %s says it has %u bytes; with what is required it has at least %u", id,
                       head[0], tables[i].least);
            return;
        }
        for (int s = 0; s < 7 && tables[i].slots[s] != NULL; s++) {
            void *slot;
            memcpy(&slot, (const uint8_t *)facet + tables[i].offsets[s], sizeof slot);
            if (slot == NULL)
                check_fail(c, "Fill in every slot that is not marked optional.", "its table for %s lacks %s",
                           id, tables[i].slots[s]);
        }
    }
    if (strcmp(id, JF_FILTER_1) == 0 && head[0] >= sizeof(jf_filter_1)) {
        const jf_filter_1 *filter = facet;
        if (filter->request == NULL && filter->result == NULL)
            check_fail(c, "Fill in request, result or both.", "its table for %s has neither of them", id);
    }
    if (strcmp(id, JF_STORE_1) == 0 && head[0] >= sizeof(jf_store_1)) {
        const jf_store_1 *store = facet;
        if ((store->watch == NULL) != (store->unwatch == NULL))
            check_fail(c, "Fill in both or neither.", "its table for %s has one of watch and unwatch", id);
    }
    if (strcmp(id, JF_ROUTING_1) == 0 && head[0] >= sizeof(jf_routing_1)) {
        const jf_routing_1 *routing = facet;
        if ((routing->export_state == NULL) != (routing->import_state == NULL))
            check_fail(c, "Fill in both or neither.",
                       "its table for %s has one of export_state and import_state", id);
    }
}

static const void *facet_of(check_host *h, const char *id) {
    check_step("facet");
    return jf_mock_facet(h->mock, id);
}

static void judge_list(check_host *h, const char *const *ids, const char *member) {
    for (; ids != NULL && *ids != NULL; ids++) {
        const void *first = facet_of(h, *ids);
        if (first == NULL) {
            check_fail(h->c, "Return its table from `facet`, or take it off the manifest.",
                       "the manifest lists %s in %s, but `facet` answers NULL for it", *ids, member);
            continue;
        }
        judge_table(h->c, *ids, first);
        if (facet_of(h, *ids) != first)
            check_fail(h->c, "Return the same table each time: it lives until `destroy`.",
                       "`facet` gives another table for %s the second time", *ids);
    }
}

static void facets(check *c) {
    check_host *h = check_up(c);
    if (h == NULL) return;
    judge_list(h, c->setup->facets, "facets");
    judge_list(h, c->setup->provides, "provides");
    check_host_free(h);
}

static void unknown_facets(check *c) {
    check_host *h = check_up(c);
    if (h == NULL) return;
    static const char *const strangers[] = {"",
                                            "jf",
                                            "jf.",
                                            "jf.nonsense/1",
                                            "com.example.nothing/1",
                                            "jf.toolset",
                                            "jf.toolset/",
                                            "jf.toolset/2",
                                            "jf.toolset/10",
                                            "jf.toolset/1 ",
                                            "jf.toolset/1x",
                                            "jf.routing/2",
                                            "jf.routing/10",
                                            "jf.routing/1x",
                                            "jf.connector/2",
                                            "jf.connector/1x",
                                            "jf.listener/2",
                                            "jf.listener/1x",
                                            "jf.auth/2",
                                            "jf.credentials/1x",
                                            "jf.policy/2",
                                            "jf.filter/1x",
                                            "jf.store/2",
                                            "JF.TOOLSET/1",
                                            "jf.http/1x",
                                            NULL};
    for (const char *const *id = strangers; *id != NULL; id++) {
        if (check_lists(c->setup->facets, *id) || check_lists(c->setup->provides, *id)) continue;
        if (facet_of(h, *id) != NULL)
            check_fail(c, "Compare the whole id with strcmp.",
                       "`facet` gives a table for \"%s\", which it does not have", *id);
    }
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        if (!check_has_facet(c, tables[i].id) && facet_of(h, tables[i].id) != NULL)
            check_warn(c, "List it in the manifest's facets, or hosts will not use it.",
                       "it has a table for %s, which its manifest does not list", tables[i].id);
    }
    check_host_free(h);
}

static void declared(check *c) {
    check_host *h = check_host_new(c, false);
    if (h == NULL) return;
    if (check_up_on(h)) check_exercise(h, 1);
    for (uint32_t i = 0; i < jf_mock_problems(h->mock); i++) {
        const char *problem = jf_mock_problem(h->mock, i);
        if (strstr(problem, "which its manifest lists neither") != NULL)
            check_fail(c, "Add it to `requires` or `optional` of the manifest.", "%s", problem);
    }
    jf_mock_forgive(h->mock);
    check_host_free(h);
}

CHECK_GROUP(entry,
            {"entry.load", "dlopen with RTLD_NOW works, quickly and without a crash", NULL, load, true},
            {"entry.answer", "the entry function gives a table, or says why not", NULL, answer, true},
            {"entry.table", "the table has a size and the required slots", NULL, table, true},
            {"entry.twice", "the entry function can be called twice", NULL, twice, false},
            {"entry.services", "the entry function asks for no service", NULL, services, false},
            {"entry.newer-host", "a host with a newer minor and a longer offer is accepted", NULL, newer_host,
             false},
            {"entry.unknown-major", "an unknown major is accepted or refused with a reason", NULL,
             unknown_major, false},
            {"entry.pure", "the entry function leaves the process as it was", NULL, pure, false},
            {"entry.facets", "every listed facet and service has a sound table", NULL, facets, false},
            {"entry.unknown-facets", "ids that it does not have give NULL", NULL, unknown_facets, false},
            {"entry.declared", "it asks only for services that its manifest lists", NULL, declared, false}, );
