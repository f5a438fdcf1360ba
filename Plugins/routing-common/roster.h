/* SPDX-License-Identifier: Apache-2.0
 * The eligible endpoints of the pick before, with what was derived from them. While they are the same, which
 * each pick makes sure of, everything that is made of them stays good: lists of who fits, tables of keys. */
#ifndef JF_ROUTING_ROSTER_H
#define JF_ROUTING_ROSTER_H

#include "options.h"
#include "weigh.h"

/** Lists that a roster keeps at a time. */
#define RT_LISTS 8u

/** One endpoint as it was. */
typedef struct rt_seen {
    uint64_t id, revision, more;
    uint64_t first, second; /**< derived: the strategy's */
} rt_seen;

/** The places of those with something in common. */
typedef struct rt_list {
    uint64_t key;
    uint32_t generation, count;
    uint16_t *places;
} rt_list;

typedef struct rt_roster {
    rt_seen *seen, *spare;
    uint32_t count, limit;
    uint32_t generation; /**< another one whenever something became different; never 0 after the first pick */
    rt_list lists[RT_LISTS];
} rt_roster;

/** What else of an endpoint matters, as one number; NULL: nothing. Reads what the host told only. */
typedef uint64_t (*rt_more)(const jf_endpoint *endpoint, bool extended);
/** Derives `first` and `second`, which are 0. */
typedef void (*rt_derive)(const rt_server *server, const jf_endpoint *endpoint, bool extended, rt_seen *seen);
/** Whether an endpoint belongs to the list `key`. */
typedef bool (*rt_belongs)(const rt_seen *seen, uint64_t key);

/** Takes the memory for `limit` endpoints, at most 65536. */
static inline void rt_roster_init(rt_options *options, rt_roster *roster, uint32_t limit) {
    rt_server *server = options->server;
    *roster = (rt_roster){.seen = rt_keep(server, limit * sizeof(rt_seen)),
                          .spare = rt_keep(server, limit * sizeof(rt_seen)),
                          .limit = limit};
    bool good = roster->seen != NULL && roster->spare != NULL;
    for (uint32_t i = 0; i < RT_LISTS; i++) {
        roster->lists[i].places = rt_keep(server, limit * sizeof(uint16_t));
        good = good && roster->lists[i].places != NULL;
    }
    if (!good && options->status == JF_OK)
        options->status = rt_refuse(server->host, options->why, JF_E_BUSY, "out of memory");
}

/** The same for as many as the option max_endpoints says. */
static inline void rt_option_roster(rt_options *options, rt_roster *roster) {
    int64_t limit = rt_option_integer(options, options->json, "/max_endpoints", 1, 65536, 256);
    rt_roster_init(options, roster, (uint32_t)limit);
}

RT_INLINE uint64_t rt_revision(const jf_endpoint *endpoint, bool extended) {
    return RT_TOLD(extended, endpoint, revision) ? endpoint->revision : 0;
}

/** Whether the eligible endpoints are those of the roster. `named`: also by id and revision. */
RT_INLINE bool rt_roster_same(const rt_roster *roster, const rt_set *set, bool named, rt_more more) {
    uint64_t differ = 0;
    bool small = !set->extended;
    if (roster->count != set->count) return false;
    for (uint64_t i = 0; set->extended && i < set->count; i++) {
        const jf_endpoint *endpoint = set->eligible[i];
        const rt_seen *seen = &roster->seen[i];
        if (__builtin_expect(endpoint->size < sizeof *endpoint, 0)) {
            small = true;
            break;
        }
        if (named) differ |= (endpoint->id ^ seen->id) | (endpoint->revision ^ seen->revision);
        if (more != NULL) differ |= more(endpoint, true) ^ seen->more;
    }
    if (__builtin_expect(!small, 1)) return differ == 0;
    for (uint64_t i = 0; i < set->count && differ == 0; i++) {
        const jf_endpoint *endpoint = set->eligible[i];
        const rt_seen *seen = &roster->seen[i];
        if (named) differ |= endpoint->id ^ seen->id;
        if (named) differ |= rt_revision(endpoint, set->extended) ^ seen->revision;
        if (more != NULL) differ |= more(endpoint, set->extended) ^ seen->more;
    }
    return differ == 0;
}

/** Takes the endpoints in; what was derived of those that stay, stays. */
__attribute__((noinline, unused)) static void rt_roster_take(rt_roster *roster, const rt_server *server,
                                                             const rt_set *set, rt_more more,
                                                             rt_derive derive) {
    rt_seen *old = roster->seen;
    uint32_t old_count = roster->count, at = 0;
    roster->seen = roster->spare;
    roster->spare = old;
    roster->count = (uint32_t)set->count;
    if (++roster->generation == 0) roster->generation = 1;
    for (uint32_t i = 0; i < roster->count; i++) {
        const jf_endpoint *endpoint = set->eligible[i];
        rt_seen *seen = &roster->seen[i];
        *seen = (rt_seen){.id = endpoint->id, .revision = rt_revision(endpoint, set->extended)};
        if (more != NULL) seen->more = more(endpoint, set->extended);
        /* The order is that of the configuration: who stays is found near by. */
        uint32_t from = at;
        while (from < old_count && from < at + 16 &&
               (old[from].id != seen->id || old[from].revision != seen->revision ||
                old[from].more != seen->more))
            from++;
        if (from < old_count && from < at + 16) {
            seen->first = old[from].first;
            seen->second = old[from].second;
            at = from + 1;
        } else {
            derive(server, endpoint, set->extended, seen);
        }
    }
}

/** Brings the roster up to date. False: there are more endpoints than it can keep. */
RT_INLINE bool rt_roster_refresh(rt_roster *roster, const rt_server *server, const rt_set *set, bool named,
                                 rt_more more, rt_derive derive) {
    if (__builtin_expect(rt_roster_same(roster, set, named, more), 1)) return true;
    if (set->count > roster->limit) return false;
    rt_roster_take(roster, server, set, more, derive);
    return true;
}

/** The places of all that belong to `key`; one of RT_LISTS is kept for each remainder of the key. */
RT_INLINE const rt_list *rt_roster_list(rt_roster *roster, uint64_t key, rt_belongs belongs) {
    rt_list *list = &roster->lists[key % RT_LISTS];
    if (__builtin_expect(list->generation == roster->generation && list->key == key, 1)) return list;
    list->key = key;
    list->generation = roster->generation;
    list->count = 0;
    for (uint32_t i = 0; i < roster->count; i++)
        if (belongs(&roster->seen[i], key)) list->places[list->count++] = (uint16_t)i;
    return list;
}

#endif
