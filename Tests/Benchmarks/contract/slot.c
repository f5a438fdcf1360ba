/* SPDX-License-Identifier: Apache-2.0
 * What the meter at the border adds to an empty slot: `PROGRAM bench_empty.so` prints one line of JSON with
 * nanoseconds a call, straight through the plugin's own table and through the metered one. */
#include "clock.h"

#include "cmeter.h"
#include <jackfield/jackfield.h>

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#define CALLS 4000000u

static const void *no_service(const jf_host *host, const char *id) {
    (void)host, (void)id;
    return NULL;
}

static void slow(void *context, const char *table, const char *slot, uint64_t duration, uint64_t unreported) {
    (void)context, (void)table, (void)slot, (void)duration, (void)unreported;
}

static double observe(const jf_routing_1 *table, jf_self *self) {
    const jf_outcome outcome = {.size = sizeof outcome, .endpoint = 1};
    double best = 1e9;
    for (int round = 0; round < BENCH_ROUNDS; round++) {
        uint64_t since = bench_clock();
        for (uint32_t i = 0; i < CALLS; i++)
            table->observe(self, 1, &outcome);
        best = bench_least(best, since, CALLS);
    }
    return best;
}

static double pick(const jf_routing_1 *table, jf_self *self) {
    const jf_endpoint one = {.size = sizeof one, .id = 1, .weight = 1};
    const jf_endpoint *const eligible[] = {&one};
    const jf_pick call = {.size = sizeof call};
    jf_fault why = {.size = sizeof why};
    uint32_t chosen = 0, wrong = 0;
    double best = 1e9;
    for (int round = 0; round < BENCH_ROUNDS; round++) {
        uint64_t since = bench_clock();
        for (uint32_t i = 0; i < CALLS; i++)
            wrong += table->pick(self, 1, &call, eligible, 1, &chosen, &why) != JF_OK;
        best = bench_least(best, since, CALLS);
    }
    return wrong == 0 ? best : -1;
}

int main(int argc, char **argv) {
    void *library = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    void *symbol = library != NULL ? dlsym(library, "jf_entry_1") : NULL;
    if (symbol == NULL) {
        fprintf(stderr, "usage: %s PLUGIN: %s\n", argv[0], argc == 2 ? dlerror() : "one plugin");
        return 2;
    }
    jf_entry_fn entry;
    memcpy(&entry, &symbol, sizeof entry);
    const jf_offer offer = {.size = sizeof offer, .major = JF_ABI_MAJOR, .service = no_service};
    const jf_shim_options options = {.budget_ns = 1000000, .quiet_ns = 10000000000u, .slow = slow};
    jf_fault why = {.size = sizeof why};
    const jf_plugin *plugin = entry(&offer, &why);
    jf_shim *shim = plugin != NULL ? jf_shim_new(&options, plugin) : NULL;
    const uint8_t config[] = "{}";
    jf_self *bare = NULL;
    if (shim == NULL || plugin->create(&offer, (jf_view){config, 2}, &bare, &why) != JF_OK ||
        jf_shim_create(shim, &offer, config, 2, &why) != JF_OK) {
        fprintf(stderr, "%s: no instance\n", argv[1]);
        return 1;
    }
    const jf_plugin *metered = jf_shim_plugin(shim);
    jf_self *self = jf_shim_self(shim);
    const jf_routing_1 *own = plugin->facet(bare, JF_ROUTING_1), *seen = metered->facet(self, JF_ROUTING_1);
    if (own == NULL || seen == NULL) return 1;
    double observed = observe(own, bare), picked = pick(own, bare);
    printf("{\"bare_observe_ns\":%.2f,\"observe_ns\":%.2f,\"bare_pick_ns\":%.2f,\"pick_ns\":%.2f}\n",
           observed, observe(seen, self), picked, pick(seen, self));
    plugin->destroy(bare);
    metered->destroy(self);
    jf_shim_free(shim);
    return 0;
}
