/* SPDX-License-Identifier: Apache-2.0
 * An old host for a plugin of today: compiled with the frozen headers of a minor, it stands between the
 * plugin and whatever host loads it, and lets through only what that minor knew.
 *
 * Tables and structs that the plugin receives end where they ended then, with a page behind them that nobody
 * may touch: a plugin that uses what was appended later without asking for the size stops right there.
 * Services that the minor did not know are absent, the offer names its number, and the plugin's own tables
 * are cut to its sizes. Built once per plugin: -DOLD_PLUGIN, its path; -DOLD_NOTE, a
 * file with its manifest; -DOLD_SERVICES, the list that services.py wrote. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <jackfield/jackfield.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

__asm__(".pushsection .note.jackfield,\"a\",@note\n.balign 4\n.incbin \"" OLD_NOTE "\"\n.popsection");

/* Every table of the minor that a host offers, by services.py. Ids of third parties pass as they are. */
static const struct {
    const char *id;
    uint32_t size;
} services[] = {
#include OLD_SERVICES
};

#define MOST_TABLES 64  /* look-ups of one instance */
#define MOST_GUARDED 32 /* endpoints of one pick that get a page each */

/** One instance of the plugin and what it was given. */
typedef struct instance {
    struct instance *next;
    jf_self *self;
    const jf_offer *above; /* the offer of the host that really runs */
    jf_offer offer;
    void *tables[MOST_TABLES];
    uint32_t table_count;
    jf_toolset_1 toolset, toolset_cut;
    jf_routing_1 routing, routing_cut;
    jf_connector_1 connector, connector_cut;
    jf_listener_1 listener, listener_cut;
} instance;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static instance *instances;
static jf_plugin plugin; /* the plugin's own table */

/* ---- Memory that ends at a page nobody may touch ---- */

static size_t page(void) {
    return (size_t)sysconf(_SC_PAGESIZE);
}

/** A copy of a sized table or struct, cut to `most` bytes. Its first member says how long it is then. */
static void *guard(const void *from, uint32_t most) {
    uint32_t size;
    memcpy(&size, from, sizeof size);
    if (size > most) size = most;
    uint8_t *pages = mmap(NULL, 2 * page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || mprotect(pages + page(), page(), PROT_NONE) != 0) abort();
    uint8_t *copy = pages + page() - size;
    memcpy(copy, from, size);
    memcpy(copy, &size, sizeof size);
    return copy;
}

static void unguard(const void *copy) {
    uintptr_t at = (uintptr_t)copy;
    munmap((void *)(at - at % page()), 2 * page());
}

/* ---- Instances ---- */

static instance *of_self(const jf_self *self) {
    pthread_mutex_lock(&lock);
    instance *it = instances;
    while (it != NULL && it->self != self)
        it = it->next;
    pthread_mutex_unlock(&lock);
    if (it == NULL) abort(); /* the host names an instance that it never had */
    return it;
}

static void give_up(instance *it) {
    pthread_mutex_lock(&lock);
    instance **link = &instances;
    while (*link != it)
        link = &(*link)->next;
    *link = it->next;
    pthread_mutex_unlock(&lock);
    for (uint32_t i = 0; i < it->table_count; i++)
        unguard(it->tables[i]);
    free(it);
}

static const void *service(const jf_host *host, const char *id) {
    pthread_mutex_lock(&lock);
    instance *it = instances;
    while (it != NULL && it->above->host != host)
        it = it->next;
    pthread_mutex_unlock(&lock);
    if (it == NULL) return NULL;
    uint32_t size = 0;
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++) {
        if (strcmp(services[i].id, id) == 0) size = services[i].size;
    }
    if (size == 0 && strncmp(id, "jf.", 3) == 0) return NULL;
    const void *table = it->above->service(host, id);
    if (table == NULL || size == 0) return table;
    void *copy = guard(table, size);
    pthread_mutex_lock(&lock);
    if (it->table_count == MOST_TABLES) abort();
    it->tables[it->table_count++] = copy;
    pthread_mutex_unlock(&lock);
    return copy;
}

/* ---- Slots whose structs may have grown ---- */

#define REQUEST_SLOT(slot)                                                                                   \
    static int32_t slot##_cut(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result,          \
                              jf_fault *why) {                                                               \
        const jf_request *cut = guard(request, sizeof *request);                                             \
        int32_t status = of_self(self)->toolset.slot(self, op, cut, result, why);                            \
        unguard(cut);                                                                                        \
        return status;                                                                                       \
    }
REQUEST_SLOT(call)
REQUEST_SLOT(read)
REQUEST_SLOT(prompt)
REQUEST_SLOT(complete)

static int32_t pick(jf_self *self, jf_ref handle, const jf_pick *call_to_place,
                    const jf_endpoint *const *eligible, uint64_t count, uint32_t *chosen, jf_fault *why) {
    const jf_endpoint *cut[MOST_GUARDED];
    const jf_pick *cut_call = guard(call_to_place, sizeof *call_to_place);
    uint64_t guarded = count <= MOST_GUARDED ? count : 0;
    for (uint64_t i = 0; i < guarded; i++)
        cut[i] = guard(eligible[i], sizeof *eligible[i]);
    int32_t status =
        of_self(self)->routing.pick(self, handle, cut_call, guarded > 0 ? cut : eligible, count, chosen, why);
    for (uint64_t i = 0; i < guarded; i++)
        unguard(cut[i]);
    unguard(cut_call);
    return status;
}

static void observe(jf_self *self, jf_ref handle, const jf_outcome *outcome) {
    const jf_outcome *cut = guard(outcome, sizeof *outcome);
    of_self(self)->routing.observe(self, handle, cut);
    unguard(cut);
}

static int32_t send_message(jf_self *self, jf_ref handle, const jf_message *message, jf_fault *why) {
    const jf_message *cut = guard(message, sizeof *message);
    int32_t status = of_self(self)->connector.send(self, handle, cut, why);
    unguard(cut);
    return status;
}

static int32_t reply(jf_self *self, jf_ref client, const jf_message *message) {
    const jf_message *cut = guard(message, sizeof *message);
    int32_t status = of_self(self)->listener.reply(self, client, cut);
    unguard(cut);
    return status;
}

/* ---- The plugin as the host above sees it ---- */

/** A table of the plugin in the minor's size: a newer one is cut, an older one has zeroes at its end. */
static void cut_table(void *to, uint32_t own, const void *from) {
    uint32_t size;
    memcpy(&size, from, sizeof size);
    memset(to, 0, own);
    memcpy(to, from, size < own ? size : own);
    if (size > own) memcpy(to, &own, sizeof own);
}

static const void *facet(jf_self *self, const char *id) {
    instance *it = of_self(self);
    const void *table = plugin.facet(self, id);
    if (table == NULL) return NULL;
    if (strcmp(id, JF_TOOLSET_1) == 0) {
        cut_table(&it->toolset, sizeof it->toolset, table);
        it->toolset_cut = it->toolset;
        if (it->toolset.call != NULL) it->toolset_cut.call = call_cut;
        if (it->toolset.read != NULL) it->toolset_cut.read = read_cut;
        if (it->toolset.prompt != NULL) it->toolset_cut.prompt = prompt_cut;
        if (it->toolset.complete != NULL) it->toolset_cut.complete = complete_cut;
        return &it->toolset_cut;
    }
    if (strcmp(id, JF_ROUTING_1) == 0) {
        cut_table(&it->routing, sizeof it->routing, table);
        it->routing_cut = it->routing;
        if (it->routing.pick != NULL) it->routing_cut.pick = pick;
        if (it->routing.observe != NULL) it->routing_cut.observe = observe;
        return &it->routing_cut;
    }
    if (strcmp(id, JF_CONNECTOR_1) == 0) {
        cut_table(&it->connector, sizeof it->connector, table);
        it->connector_cut = it->connector;
        if (it->connector.send != NULL) it->connector_cut.send = send_message;
        return &it->connector_cut;
    }
    if (strcmp(id, JF_LISTENER_1) == 0) {
        cut_table(&it->listener, sizeof it->listener, table);
        it->listener_cut = it->listener;
        if (it->listener.reply != NULL) it->listener_cut.reply = reply;
        return &it->listener_cut;
    }
    return table;
}

static int32_t create(const jf_offer *above, jf_view config, jf_self **out, jf_fault *why) {
    instance *it = calloc(1, sizeof *it);
    if (it == NULL) abort();
    it->above = above;
    it->offer = (jf_offer){sizeof it->offer, above->major, JF_ABI_MINOR, above->host, service};
    pthread_mutex_lock(&lock);
    it->next = instances;
    instances = it;
    pthread_mutex_unlock(&lock);
    int32_t status = plugin.create(&it->offer, config, out, why);
    if (status == JF_OK)
        it->self = *out;
    else
        give_up(it);
    return status;
}

static void destroy(jf_self *self) {
    instance *it = of_self(self);
    plugin.destroy(self);
    give_up(it);
}

const jf_plugin *jf_entry_1(const jf_offer *above, jf_fault *why) {
    static jf_plugin shown;
    void *library = dlopen(OLD_PLUGIN, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    void *symbol = library != NULL ? dlsym(library, "jf_entry_1") : NULL;
    if (symbol == NULL) {
        why->code = JF_E_FAULT;
        why->text_len = (uint32_t)snprintf(why->text, sizeof why->text, "%s", dlerror());
        if (why->text_len >= sizeof why->text) why->text_len = sizeof why->text - 1;
        return NULL;
    }
    jf_entry_fn entry;
    memcpy(&entry, &symbol, sizeof entry);
    jf_offer offer = *above;
    if (offer.minor > JF_ABI_MINOR) offer.minor = JF_ABI_MINOR;
    const jf_plugin *table = entry(&offer, why);
    if (table == NULL) return NULL;
    cut_table(&plugin, sizeof plugin, table);
    shown = plugin;
    if (plugin.create != NULL) shown.create = create;
    if (plugin.destroy != NULL) shown.destroy = destroy;
    if (plugin.facet != NULL) shown.facet = facet;
    return &shown;
}
