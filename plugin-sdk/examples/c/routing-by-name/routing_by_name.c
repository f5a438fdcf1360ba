/* SPDX-License-Identifier: Apache-2.0
 * A routing strategy: the tool's name picks the endpoint, one that keeps failing is passed over. */
#include <jackfield/config.h>
#include <jackfield/routing.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the host knows of the plugin before it loads it. */
JF_MANIFEST("{\"id\":\"example-routing-by-name-c\",\"version\":\"1.0.0\",\"abi\":\"1.0\","
            "\"summary\":\"Sends each tool's calls to one endpoint, chosen by the tool's name.\","
            "\"facets\":[\"jf.routing/1\"],\"requires\":[\"jf.config/1\"],\"threads\":\"per-loop\","
            "\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
            "\"routing\":{\"strategy\":\"by-name\",\"config\":{\"type\":\"object\","
            "\"additionalProperties\":false,\"properties\":{\"seed\":{\"type\":\"integer\",\"minimum\":0,"
            "\"maximum\":4294967295,\"default\":0,"
            "\"description\":\"Another seed gives every name another place\"}}}}}");

#define MOST_FAILURES 3 /* so many in a row, and the endpoint is passed over */

/** How often an endpoint failed since its last success. */
typedef struct entry {
    jf_ref endpoint;
    uint32_t count;
} entry;

/** Entries with counts above 0, ascending by endpoint. */
typedef struct counts {
    entry *entries;
    uint64_t used, room;
} counts;

/** One server whose calls are placed by name. */
typedef struct route {
    struct route *next;
    jf_ref handle;
    uint64_t seed;
    counts failures;
} route;

/** One instance: every event loop has its own, so that nothing needs a lock. */
struct jf_self {
    const jf_config_1 *json;
    route *routes;
    jf_ref last_handle;
};

static int32_t refuse(jf_fault *why, int32_t code, const char *text) {
    why->code = code;
    why->text_len = (uint32_t)snprintf(why->text, sizeof why->text, "%s", text);
    return code;
}

static route *route_of(jf_self *self, jf_ref handle) {
    route *it = self->routes;
    while (it != NULL && it->handle != handle)
        it = it->next;
    return it;
}

/* ---- How often each endpoint failed ---- */

/** Where an endpoint stands, or would stand. */
static uint64_t place_of(const counts *table, jf_ref endpoint) {
    uint64_t low = 0, high = table->used;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (table->entries[middle].endpoint < endpoint)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t count_of(const counts *table, jf_ref endpoint) {
    uint64_t at = place_of(table, endpoint);
    return at < table->used && table->entries[at].endpoint == endpoint ? table->entries[at].count : 0;
}

/** False: out of memory, nothing changed. 0 takes the entry out. */
static bool set_count(counts *table, jf_ref endpoint, uint32_t count) {
    uint64_t at = place_of(table, endpoint);
    entry *here = table->entries != NULL ? table->entries + at : NULL;
    bool found = at < table->used && here->endpoint == endpoint;
    if (found && count > 0) {
        here->count = count;
    } else if (found) {
        memmove(here, here + 1, (--table->used - at) * sizeof *here);
    } else if (count > 0) {
        if (table->used == table->room) {
            uint64_t room = table->room > 0 ? table->room * 2 : 8;
            entry *entries = realloc(table->entries, room * sizeof *entries);
            if (entries == NULL) return false;
            table->entries = entries;
            table->room = room;
            here = entries + at;
        }
        memmove(here + 1, here, (table->used++ - at) * sizeof *here);
        *here = (entry){endpoint, count};
    }
    return true;
}

/* ---- The facet ---- */

static int32_t attach(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    static const uint8_t pointer[] = "/seed";
    jf_view value;
    uint32_t kind;
    int64_t seed = 0;
    (void)name;
    int32_t status =
        self->json->find(self->json->context, config, (jf_view){pointer, sizeof pointer - 1}, &value, &kind);
    if (status == JF_OK) status = self->json->integer(self->json->context, value, &seed);
    if (status < 0 || seed < 0 || seed > UINT32_MAX)
        return refuse(why, JF_E_INVALID, "by-name: seed must be an integer from 0 to 4294967295");
    route *it = calloc(1, sizeof *it);
    if (it == NULL) return refuse(why, JF_E_BUSY, "by-name: out of memory");
    it->seed = (uint64_t)seed;
    it->handle = ++self->last_handle; /* never used twice: a stale handle finds nothing */
    it->next = self->routes;
    self->routes = it;
    *handle = it->handle;
    return JF_OK;
}

static void detach(jf_self *self, jf_ref handle) {
    route **link = &self->routes;
    while (*link != NULL && (*link)->handle != handle)
        link = &(*link)->next;
    route *it = *link;
    if (it == NULL) return;
    *link = it->next;
    free(it->failures.entries);
    free(it);
}

static int32_t pick(jf_self *self, jf_ref handle, const jf_pick *call, const jf_endpoint *const *eligible,
                    uint64_t count, uint32_t *chosen, jf_fault *why) {
    route *it = route_of(self, handle);
    if (it == NULL) return refuse(why, JF_E_STALE, "by-name: this server is not attached");
    if (count == 0) return JF_ABSENT;
    uint64_t hash = 14695981039346656037u ^ it->seed; /* FNV-1a, 64 bits */
    for (uint64_t i = 0; i < call->name.len; i++)
        hash = (hash ^ call->name.ptr[i]) * 1099511628211u;
    uint64_t first = hash % count;
    *chosen = (uint32_t)first; /* stands when all of them fail */
    for (uint64_t step = 0; step < count; step++) {
        uint64_t index = (first + step) % count;
        if (count_of(&it->failures, eligible[index]->id) >= MOST_FAILURES) continue;
        *chosen = (uint32_t)index;
        break;
    }
    return JF_OK;
}

static void observe(jf_self *self, jf_ref handle, const jf_outcome *outcome) {
    route *it = route_of(self, handle);
    if (it == NULL) return;
    uint32_t count = count_of(&it->failures, outcome->endpoint);
    uint32_t more = count < UINT32_MAX ? count + 1 : count;
    set_count(&it->failures, outcome->endpoint, outcome->status == JF_OK ? 0 : more);
}

/* ---- Handing over what was learnt: "1", then a line "ENDPOINT COUNT" for each endpoint that fails ---- */

static int32_t export_state(jf_self *self, jf_ref handle, jf_blob *out, jf_fault *why) {
    route *it = route_of(self, handle);
    if (it == NULL) return refuse(why, JF_E_STALE, "by-name: this server is not attached");
    uint64_t room = 3 + it->failures.used * 32, length = 2; /* a line: 20 + 1 + 10 digits and its end */
    char *lines = malloc(room);
    if (lines == NULL) return refuse(why, JF_E_BUSY, "by-name: out of memory");
    memcpy(lines, "1\n", 2);
    for (uint64_t i = 0; i < it->failures.used; i++)
        length += (uint64_t)snprintf(lines + length, room - length, "%llu %u\n",
                                     (unsigned long long)it->failures.entries[i].endpoint,
                                     it->failures.entries[i].count);
    *out = (jf_blob){(const uint8_t *)lines, length, lines, free};
    return JF_OK;
}

/** Reads a decimal number from 1 to `most` and the character after it. */
static bool number(jf_view *text, char after, uint64_t most, uint64_t *out) {
    uint64_t value = 0, i = 0;
    for (; i < text->len && text->ptr[i] >= '0' && text->ptr[i] <= '9'; i++) {
        uint64_t digit = (uint64_t)(text->ptr[i] - '0');
        if (value > (most - digit) / 10 || (value == 0 && digit == 0)) return false;
        value = value * 10 + digit;
    }
    if (i == 0 || i == text->len || text->ptr[i] != after) return false;
    *text = (jf_view){text->ptr + i + 1, text->len - i - 1};
    *out = value;
    return true;
}

/** All or nothing: text that is damaged changes nothing. */
static int32_t import_state(jf_self *self, jf_ref handle, jf_view state, jf_fault *why) {
    route *it = route_of(self, handle);
    if (it == NULL) return refuse(why, JF_E_STALE, "by-name: this server is not attached");
    counts failures = {NULL, 0, 0};
    jf_ref last = 0;
    bool good = state.len >= 2 && memcmp(state.ptr, "1\n", 2) == 0, memory = true;
    if (good) state = (jf_view){state.ptr + 2, state.len - 2};
    while (good && memory && state.len > 0) {
        uint64_t endpoint, count;
        good = number(&state, ' ', UINT64_MAX, &endpoint) && number(&state, '\n', UINT32_MAX, &count) &&
               endpoint > last;
        if (good) memory = set_count(&failures, last = endpoint, (uint32_t)count);
    }
    counts *old = good && memory ? &it->failures : &failures;
    free(old->entries);
    if (!memory) return refuse(why, JF_E_BUSY, "by-name: out of memory");
    if (!good)
        return refuse(why, JF_E_INVALID, "by-name: the handed-over state is damaged; begin without it");
    it->failures = failures;
    return JF_OK;
}

/* ---- The life of an instance ---- */

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)config;
    const jf_config_1 *json = offer->service(offer->host, JF_CONFIG_1);
    if (!JF_HAS(json, integer))
        return refuse(why, JF_E_UNSUPPORTED, "example-routing-by-name-c needs the host service jf.config/1");
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL) return refuse(why, JF_E_BUSY, "by-name: out of memory");
    self->json = json;
    *out = self;
    return JF_OK;
}

static void destroy(jf_self *self) {
    while (self->routes != NULL)
        detach(self, self->routes->handle);
    free(self);
}

static const void *facet(jf_self *self, const char *id) {
    static const jf_routing_1 routing = {.size = sizeof routing,
                                         .attach = attach,
                                         .detach = detach,
                                         .pick = pick,
                                         .observe = observe,
                                         .export_state = export_state,
                                         .import_state = import_state};
    (void)self;
    return strcmp(id, JF_ROUTING_1) == 0 ? &routing : NULL;
}

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin plugin = {
        .size = sizeof plugin, .minor = JF_ABI_MINOR, .create = create, .destroy = destroy, .facet = facet};
    (void)offer, (void)why;
    return &plugin;
}
