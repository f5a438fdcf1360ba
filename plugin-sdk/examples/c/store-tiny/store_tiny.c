/* SPDX-License-Identifier: Apache-2.0
 * A store in one file: entries in a sorted array, limits as token buckets and windows, all of it in the
 * memory of one instance. Every slot answers at once. */
#include <jackfield/clock.h>
#include <jackfield/store.h>
#include <stdlib.h>
#include <string.h>

#define MOST 4096u

JF_MANIFEST(
    "{\"id\":\"store-tiny\",\"version\":\"0.1.0\",\"abi\":\"1.1\",\"summary\":\"A store in one file\","
    "\"facets\":[\"jf.store/1\"],\"requires\":[\"jf.clock/1\"],\"threads\":\"per-loop\","
    "\"store\":{\"kind\":\"tiny\"},\"config\":{\"type\":\"object\",\"additionalProperties\":false}}");

/* An entry, or a limit: those have keys of their own, which begin with kind and period. */
typedef struct item {
    jf_store_entry head;
    uint8_t *bytes; /**< key and value */
    int is_counter;
} item;

typedef struct table {
    item items[MOST];
    uint32_t count;
} table;

struct jf_self {
    jf_store_1 store;
    jf_clock_1 clock;
    uint64_t revision;
    table entries, limits;
};

static int32_t refuse(jf_fault *why, int32_t code, const char *text) {
    why->code = code;
    why->flags = JF_FAULT_NOT_STARTED;
    why->text_len = (uint32_t)strlen(text);
    memcpy(why->text, text, why->text_len);
    return code;
}

static uint64_t now_ms(jf_self *self) {
    return self->clock.wall_ns(self->clock.context) / 1000000u;
}

/* ---- The sorted arrays ---- */

static int order(jf_view a, const item *b) {
    uint64_t common = a.len < b->head.key_len ? a.len : b->head.key_len;
    int by_bytes = common > 0 ? memcmp(a.ptr, b->bytes, common) : 0;
    return by_bytes != 0 ? by_bytes : a.len < b->head.key_len ? -1 : a.len > b->head.key_len;
}

/* The place of the first item that is not before `key`. */
static uint32_t place(const table *all, jf_view key) {
    uint32_t low = 0, high = all->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (order(key, &all->items[middle]) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void drop(table *all, uint32_t at) {
    free(all->items[at].bytes);
    memmove(&all->items[at], &all->items[at + 1], (--all->count - at) * sizeof(item));
}

/* The item of a key, unless it has expired; then it goes. */
static item *find(table *all, jf_view key, uint64_t now) {
    uint32_t at = place(all, key);
    if (at == all->count || order(key, &all->items[at]) != 0) return NULL;
    item *it = &all->items[at];
    if (it->head.expires_ms == 0 || it->head.expires_ms > now) return it;
    drop(all, at);
    return NULL;
}

/* Gives a key another value; NULL: no room. */
static item *set(table *all, jf_view key, jf_view value) {
    uint32_t at = place(all, key);
    int is_there = at < all->count && order(key, &all->items[at]) == 0;
    uint8_t *bytes = malloc(key.len + value.len + 1);
    if (bytes == NULL || (!is_there && all->count == MOST)) {
        free(bytes);
        return NULL;
    }
    memcpy(bytes, key.ptr, key.len);
    if (value.len > 0) memcpy(bytes + key.len, value.ptr, value.len);
    item *it = &all->items[at];
    if (is_there)
        free(it->bytes);
    else
        memmove(it + 1, it, (all->count++ - at) * sizeof(item));
    *it = (item){{0, 0, (uint32_t)key.len, (uint32_t)value.len}, bytes, 0};
    return it;
}

/* ---- Answers ---- */

static uint64_t size_of(const item *it, int with_value) {
    return (sizeof it->head + it->head.key_len + (with_value ? it->head.value_len : 0) + 7) / 8 * 8;
}

static int32_t give(const item *first, uint32_t count, int with_value, uint64_t now, jf_blob *out,
                    jf_fault *why) {
    uint64_t size = 0, at = 0;
    for (uint32_t i = 0; i < count; i++)
        size += size_of(&first[i], with_value);
    uint8_t *bytes = calloc(1, size);
    if (bytes == NULL) return refuse(why, JF_E_BUSY, "store-tiny: no memory");
    for (uint32_t i = 0; i < count; i++) {
        jf_store_entry head = first[i].head;
        if (head.expires_ms != 0 && head.expires_ms <= now) continue;
        if (!with_value) head.value_len = 0;
        memcpy(bytes + at, &head, sizeof head);
        memcpy(bytes + at + sizeof head, first[i].bytes, head.key_len + head.value_len);
        at += size_of(&first[i], with_value);
    }
    *out = (jf_blob){bytes, at, bytes, free};
    return JF_OK;
}

/* ---- Slots ---- */

static int bad_key(jf_view key) {
    return key.ptr == NULL || key.len < 1 || key.len > JF_STORE_KEY_MOST;
}

static int32_t get(jf_self *self, jf_ref op, jf_view key, jf_blob *entry, jf_fault *why) {
    (void)op;
    if (bad_key(key)) return refuse(why, JF_E_INVALID, "store-tiny: a key has 1 to 1024 bytes");
    const item *it = find(&self->entries, key, now_ms(self));
    return it != NULL ? give(it, 1, 1, 0, entry, why) : JF_ABSENT;
}

static int32_t put(jf_self *self, jf_ref op, const jf_store_put *put, jf_blob *entry, jf_fault *why) {
    (void)op;
    uint64_t now = now_ms(self);
    uint32_t both = JF_STORE_CREATE | JF_STORE_MATCH, flags = put->flags & both;
    if (bad_key(put->key) || put->value.ptr == NULL || put->value.len > JF_STORE_VALUE_MOST ||
        put->ttl_ms > JF_STORE_TTL_MOST || put->flags >> 16 != 0 || flags == both ||
        (flags == JF_STORE_MATCH && put->revision == 0))
        return refuse(why, JF_E_INVALID, "store-tiny: a put is out of bounds");
    const item *old = find(&self->entries, put->key, now);
    if ((flags == JF_STORE_CREATE && old != NULL) ||
        (flags == JF_STORE_MATCH && (old == NULL || old->head.revision != put->revision)))
        return refuse(why, JF_E_STALE, "store-tiny: the condition does not hold");
    item *it = set(&self->entries, put->key, put->value);
    if (it == NULL) return refuse(why, JF_E_BUSY, "store-tiny: it is full");
    it->head.revision = ++self->revision;
    it->head.expires_ms = put->ttl_ms != 0 ? now + put->ttl_ms : 0;
    return give(it, 1, 0, 0, entry, why);
}

static int32_t remove_key(jf_self *self, jf_ref op, jf_view key, uint64_t revision, jf_blob *entry,
                          jf_fault *why) {
    (void)op;
    (void)entry;
    if (bad_key(key)) return refuse(why, JF_E_INVALID, "store-tiny: a key has 1 to 1024 bytes");
    item *it = find(&self->entries, key, now_ms(self));
    if (it == NULL) return JF_ABSENT;
    if (revision != 0 && it->head.revision != revision)
        return refuse(why, JF_E_STALE, "store-tiny: the key has another revision");
    drop(&self->entries, (uint32_t)(it - self->entries.items));
    return JF_OK;
}

static int32_t list(jf_self *self, jf_ref op, const jf_store_list *list, jf_blob *entries, jf_fault *why) {
    (void)op;
    if (list->most < 1 || list->most > JF_STORE_LIST_MOST || list->prefix.len > JF_STORE_KEY_MOST ||
        list->after.len > JF_STORE_KEY_MOST || list->flags >> 16 != 0)
        return refuse(why, JF_E_INVALID, "store-tiny: a list is out of bounds");
    int with_value = (list->flags & JF_STORE_KEYS) == 0;
    uint64_t now = now_ms(self), bytes = 0;
    uint32_t at = place(&self->entries, list->prefix), from = place(&self->entries, list->after), count = 0;
    const item *all = self->entries.items;
    if (list->after.len > 0 && from < self->entries.count && order(list->after, &all[from]) == 0) from++;
    if (from > at) at = from;
    for (uint32_t i = at; i < self->entries.count && count < list->most; i++, count++) {
        if (all[i].head.expires_ms != 0 &&
            all[i].head.expires_ms <= now) { /* it goes, the next one stands here */
            drop(&self->entries, i--);
            count--;
            continue;
        }
        if (all[i].head.key_len < list->prefix.len ||
            (list->prefix.len > 0 && memcmp(all[i].bytes, list->prefix.ptr, list->prefix.len) != 0))
            break;
        bytes += size_of(&all[i], with_value);
        if (count > 0 && bytes > JF_STORE_LIST_BYTES) break;
    }
    return count > 0 ? give(&all[at], count, with_value, now, entries, why) : JF_ABSENT;
}

static int32_t add(jf_self *self, jf_ref op, const jf_store_add *add, jf_blob *entry, jf_fault *why) {
    (void)op;
    if (bad_key(add->key) || add->ttl_ms > JF_STORE_TTL_MOST || add->flags >> 16 != 0)
        return refuse(why, JF_E_INVALID, "store-tiny: an add is out of bounds");
    uint64_t now = now_ms(self), expires = add->ttl_ms != 0 ? now + add->ttl_ms : 0;
    int64_t sum = 0;
    item *it = find(&self->entries, add->key, now);
    if (it != NULL) {
        if (!it->is_counter) return refuse(why, JF_E_INVALID, "store-tiny: the key holds no counter");
        memcpy(&sum, it->bytes + it->head.key_len, sizeof sum);
        expires = it->head.expires_ms;
    }
    if (add->delta == 0) return it != NULL ? give(it, 1, 1, 0, entry, why) : JF_ABSENT;
    if (__builtin_add_overflow(sum, add->delta, &sum))
        return refuse(why, JF_E_INVALID, "store-tiny: the sum is too large");
    it = set(&self->entries, add->key, (jf_view){(const uint8_t *)&sum, sizeof sum});
    if (it == NULL) return refuse(why, JF_E_BUSY, "store-tiny: it is full");
    it->is_counter = 1;
    it->head.revision = ++self->revision;
    it->head.expires_ms = expires;
    return give(it, 1, 1, 0, entry, why);
}

/* ---- Limits ---- */

/* What was taken, in thousandths: of a bucket, flowing back; of a window; and of the one before. */
typedef struct taken {
    double amount, before;
    uint64_t at; /**< a bucket: milliseconds; else the window's number */
} taken;

static double used(const jf_store_limit *it, taken *state, uint64_t now) {
    if (it->kind == JF_LIMIT_BUCKET) {
        state->amount -= (double)(now - state->at) * (double)it->rate / (double)it->period_ms;
        if (state->amount < 0) state->amount = 0;
        state->at = now;
        return state->amount;
    }
    uint64_t window = now / it->period_ms, into = now % it->period_ms;
    if (window != state->at) *state = (taken){0, window == state->at + 1 ? state->amount : 0, window};
    double share = it->kind == JF_LIMIT_SLIDING ? 1 - (double)into / (double)it->period_ms : 0;
    return state->amount + state->before * share;
}

/* When `cost` fits, roughly and not too early. */
static uint32_t wait_for(const jf_store_limit *it, double lacks, uint64_t now) {
    double wait = it->kind == JF_LIMIT_BUCKET  ? lacks * (double)it->period_ms / (double)it->rate + 1
                  : it->kind == JF_LIMIT_FIXED ? (double)(it->period_ms - now % it->period_ms)
                                               : (double)(2 * it->period_ms - now % it->period_ms);
    return wait < (double)(UINT32_MAX - 1) ? (uint32_t)wait : UINT32_MAX - 1;
}

static int32_t take(jf_self *self, jf_ref op, const jf_store_limit *limits, uint64_t count, jf_blob *verdicts,
                    jf_fault *why) {
    (void)op;
    uint8_t names[JF_STORE_TAKE_MOST][12 + JF_STORE_KEY_MOST];
    taken states[JF_STORE_TAKE_MOST] = {{0}};
    uint64_t now = now_ms(self);
    uint32_t all_fit = 1;
    if (count < 1 || count > JF_STORE_TAKE_MOST)
        return refuse(why, JF_E_INVALID, "store-tiny: 1 to 16 limits");
    jf_store_verdict *answer = calloc(count, sizeof *answer);
    if (answer == NULL) return refuse(why, JF_E_BUSY, "store-tiny: no memory");
    for (uint64_t i = 0; i < count; i++) {
        const jf_store_limit *it = &limits[i];
        if (bad_key(it->key) || it->kind > JF_LIMIT_FIXED || it->period_ms < 1 ||
            it->period_ms > JF_STORE_PERIOD_MOST) {
            free(answer);
            return refuse(why, JF_E_INVALID, "store-tiny: a limit is out of bounds");
        }
        memcpy(names[i], &it->kind, 4);
        memcpy(names[i] + 4, &it->period_ms, 8);
        memcpy(names[i] + 12, it->key.ptr, it->key.len);
        const item *kept = find(&self->limits, (jf_view){names[i], 12 + it->key.len}, now);
        if (kept != NULL) memcpy(&states[i], kept->bytes + kept->head.key_len, sizeof states[i]);
        double most = (double)(it->kind == JF_LIMIT_BUCKET ? it->burst : it->rate),
               room = most - used(it, &states[i], now);
        answer[i].fits = (double)it->cost <= room || it->cost == 0;
        answer[i].left = room > 0 ? (uint64_t)room : 0;
        if (!answer[i].fits)
            answer[i].retry_ms =
                (double)it->cost > most ? UINT32_MAX : wait_for(it, (double)it->cost - room, now);
        all_fit &= answer[i].fits;
    }
    for (uint64_t i = 0; all_fit && i < count; i++) {
        const jf_store_limit *it = &limits[i];
        states[i].amount += (double)it->cost;
        item *kept = set(&self->limits, (jf_view){names[i], 12 + it->key.len},
                         (jf_view){(const uint8_t *)&states[i], sizeof states[i]});
        if (kept == NULL) continue; /* full: it is forgotten, which is kinder than to refuse everybody */
        double full_ms = (double)it->burst * (double)it->period_ms / (double)(it->rate > 0 ? it->rate : 1);
        kept->head.expires_ms =
            it->kind == JF_LIMIT_BUCKET ? now + (uint64_t)full_ms + 1 : now + 2 * it->period_ms;
        answer[i].left = answer[i].left > it->cost ? answer[i].left - it->cost : 0;
    }
    *verdicts = (jf_blob){(uint8_t *)answer, count * sizeof *answer, answer, free};
    return JF_OK;
}

/* ---- The life of an instance ---- */

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)config;
    const jf_clock_1 *clock = offer->service(offer->host, JF_CLOCK_1);
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL || !JF_HAS(clock, wall_ns)) {
        free(self);
        return refuse(why, JF_E_UNSUPPORTED, "store-tiny: no memory, or no jf.clock/1");
    }
    memcpy(&self->clock, clock, clock->size < sizeof self->clock ? clock->size : sizeof self->clock);
    self->revision = now_ms(self) * 1000; /* greater than those of an earlier run */
    self->store = (jf_store_1){.size = sizeof self->store,
                               .get = get,
                               .put = put,
                               .remove = remove_key,
                               .list = list,
                               .add = add,
                               .take = take};
    *out = self;
    return JF_OK;
}

static void destroy(jf_self *self) {
    while (self->entries.count > 0)
        drop(&self->entries, self->entries.count - 1);
    while (self->limits.count > 0)
        drop(&self->limits, self->limits.count - 1);
    free(self);
}

static const void *facet(jf_self *self, const char *id) {
    return strcmp(id, JF_STORE_1) == 0 ? &self->store : NULL;
}

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin plugin = {
        .size = sizeof plugin, .minor = JF_ABI_MINOR, .create = create, .destroy = destroy, .facet = facet};
    if (offer->major == JF_ABI_MAJOR && offer->minor >= 1) return &plugin; /* the facet is of 1.1 */
    refuse(why, JF_E_UNSUPPORTED, "store-tiny needs plugin ABI 1.1");
    return NULL;
}
