/* SPDX-License-Identifier: Apache-2.0
 * Mock host: a small store in memory, by the rules of jf.store/1: sorted arrays of entries and of limits. */
#include "mock_internal.h"

/* An entry, or a limit, whose key begins with its kind and period. */
typedef struct item {
    jf_store_entry head;
    uint8_t *bytes; /**< key and value */
    bool is_counter;
} item;

typedef struct table {
    item *items;
    uint32_t count, capacity;
} table;

struct mock_store {
    table entries, limits;
    uint64_t revision;
};

mock_store *mock_store_new(void) {
    mock_store *store = mock_allocate(sizeof *store);
    store->revision = 1000;
    return store;
}

static void empty(table *all) {
    for (uint32_t i = 0; i < all->count; i++)
        free(all->items[i].bytes);
    free(all->items);
}

void mock_store_free(mock_store *store) {
    empty(&store->entries);
    empty(&store->limits);
    free(store);
}

uint32_t mock_store_count(const mock_store *store, bool limits) {
    return limits ? store->limits.count : store->entries.count;
}

/* ---- Sorted arrays ---- */

static int order(jf_view key, const item *it) {
    uint64_t common = key.len < it->head.key_len ? key.len : it->head.key_len;
    int by_bytes = common > 0 ? memcmp(key.ptr, it->bytes, common) : 0;
    return by_bytes != 0 ? by_bytes : key.len < it->head.key_len ? -1 : key.len > it->head.key_len;
}

/* The place of the first item that is not before `key`. */
static uint32_t place(const table *all, jf_view key) {
    uint32_t at = 0;
    while (at < all->count && order(key, &all->items[at]) > 0)
        at++;
    return at;
}

static void drop(table *all, uint32_t at) {
    free(all->items[at].bytes);
    memmove(&all->items[at], &all->items[at + 1], (--all->count - at) * sizeof(item));
}

static bool is_over(const item *it, uint64_t now) {
    return it->head.expires_ms != 0 && it->head.expires_ms <= now;
}

/* The item of a key, unless it has expired; then it goes. */
static item *find(table *all, jf_view key, uint64_t now) {
    uint32_t at = place(all, key);
    if (at == all->count || order(key, &all->items[at]) != 0) return NULL;
    if (!is_over(&all->items[at], now)) return &all->items[at];
    drop(all, at);
    return NULL;
}

static item *set(table *all, jf_view key, jf_view value) {
    uint32_t at = place(all, key);
    if (at < all->count && order(key, &all->items[at]) == 0) drop(all, at);
    if (all->count == all->capacity) {
        all->capacity = all->capacity == 0 ? 16 : all->capacity * 2;
        all->items = realloc(all->items, all->capacity * sizeof(item));
        if (all->items == NULL) abort();
    }
    item *it = &all->items[at];
    memmove(it + 1, it, (all->count++ - at) * sizeof(item));
    *it = (item){{0, 0, (uint32_t)key.len, (uint32_t)value.len}, mock_allocate(key.len + value.len), false};
    memcpy(it->bytes, key.ptr, key.len);
    if (value.len > 0) memcpy(it->bytes + key.len, value.ptr, value.len);
    return it;
}

/* ---- Answers ---- */

/* Appends an entry to an answer, which grows by it. */
static void append(jf_view *answer, const item *it, bool with_value) {
    jf_store_entry head = it->head;
    if (!with_value) head.value_len = 0;
    uint64_t size = (sizeof head + head.key_len + head.value_len + 7) / 8 * 8;
    uint8_t *bytes = realloc((void *)(uintptr_t)answer->ptr, answer->len + size);
    if (bytes == NULL) abort();
    memset(bytes + answer->len, 0, size);
    memcpy(bytes + answer->len, &head, sizeof head);
    memcpy(bytes + answer->len + sizeof head, it->bytes, head.key_len + head.value_len);
    *answer = (jf_view){bytes, answer->len + size};
}

static bool is_bad(jf_view key) {
    return key.ptr == NULL || key.len < 1 || key.len > JF_STORE_KEY_MOST;
}

int32_t mock_store_get(mock_store *store, uint64_t now, jf_view key, jf_view *answer) {
    if (is_bad(key)) return JF_E_INVALID;
    const item *it = find(&store->entries, key, now);
    if (it == NULL) return JF_ABSENT;
    append(answer, it, true);
    return JF_OK;
}

int32_t mock_store_put(mock_store *store, uint64_t now, const jf_store_put *put, jf_view *answer,
                       uint64_t *changed) {
    uint32_t both = JF_STORE_CREATE | JF_STORE_MATCH, flags = put->flags & both;
    if (is_bad(put->key) || put->value.ptr == NULL || put->value.len > JF_STORE_VALUE_MOST ||
        put->ttl_ms > JF_STORE_TTL_MOST || put->flags >> 16 != 0 || flags == both ||
        (flags == JF_STORE_MATCH && put->revision == 0))
        return JF_E_INVALID;
    const item *old = find(&store->entries, put->key, now);
    if ((flags == JF_STORE_CREATE && old != NULL) ||
        (flags == JF_STORE_MATCH && (old == NULL || old->head.revision != put->revision)))
        return JF_E_STALE;
    item *it = set(&store->entries, put->key, put->value);
    *changed = it->head.revision = ++store->revision;
    it->head.expires_ms = put->ttl_ms != 0 ? now + put->ttl_ms : 0;
    append(answer, it, false);
    return JF_OK;
}

int32_t mock_store_remove(mock_store *store, uint64_t now, jf_view key, uint64_t revision,
                          uint64_t *changed) {
    if (is_bad(key)) return JF_E_INVALID;
    item *it = find(&store->entries, key, now);
    if (it == NULL) return JF_ABSENT;
    if (revision != 0 && it->head.revision != revision) return JF_E_STALE;
    drop(&store->entries, (uint32_t)(it - store->entries.items));
    *changed = UINT64_MAX;
    return JF_OK;
}

int32_t mock_store_list(mock_store *store, uint64_t now, const jf_store_list *list, jf_view *answer) {
    if (list->most < 1 || list->most > JF_STORE_LIST_MOST || list->prefix.len > JF_STORE_KEY_MOST ||
        list->after.len > JF_STORE_KEY_MOST || list->flags >> 16 != 0)
        return JF_E_INVALID;
    uint64_t given = 0;
    for (uint32_t i = 0; i < store->entries.count && given < list->most; i++) {
        const item *it = &store->entries.items[i];
        if (is_over(it, now) || it->head.key_len < list->prefix.len ||
            (list->prefix.len > 0 && memcmp(it->bytes, list->prefix.ptr, list->prefix.len) != 0) ||
            (list->after.len > 0 && order(list->after, it) >= 0))
            continue;
        append(answer, it, (list->flags & JF_STORE_KEYS) == 0);
        given++;
    }
    return given > 0 ? JF_OK : JF_ABSENT;
}

int32_t mock_store_add(mock_store *store, uint64_t now, const jf_store_add *add, jf_view *answer) {
    if (is_bad(add->key) || add->ttl_ms > JF_STORE_TTL_MOST || add->flags >> 16 != 0) return JF_E_INVALID;
    uint64_t expires = add->ttl_ms != 0 ? now + add->ttl_ms : 0;
    int64_t sum = 0;
    item *it = find(&store->entries, add->key, now);
    if (it != NULL) {
        if (!it->is_counter) return JF_E_INVALID;
        memcpy(&sum, it->bytes + it->head.key_len, sizeof sum);
        expires = it->head.expires_ms;
    }
    if (add->delta == 0 && it == NULL) return JF_ABSENT;
    if (__builtin_add_overflow(sum, add->delta, &sum)) return JF_E_INVALID;
    if (add->delta != 0) {
        it = set(&store->entries, add->key, (jf_view){(const uint8_t *)&sum, sizeof sum});
        it->is_counter = true;
        it->head.revision = ++store->revision;
        it->head.expires_ms = expires;
    }
    append(answer, it, true);
    return JF_OK;
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

/* When what it lacks is there, not too early. */
static uint32_t wait_for(const jf_store_limit *it, double lacks, uint64_t now) {
    double wait = it->kind == JF_LIMIT_BUCKET  ? lacks * (double)it->period_ms / (double)it->rate + 1
                  : it->kind == JF_LIMIT_FIXED ? (double)(it->period_ms - now % it->period_ms)
                                               : (double)(2 * it->period_ms - now % it->period_ms);
    return wait < (double)(UINT32_MAX - 1) ? (uint32_t)wait : UINT32_MAX - 1;
}

static bool is_bad_limit(const jf_store_limit *it) {
    return is_bad(it->key) || it->kind > JF_LIMIT_FIXED || it->reserved != 0 || it->period_ms < 1 ||
           it->period_ms > JF_STORE_PERIOD_MOST || it->rate > JF_STORE_AMOUNT_MOST ||
           it->burst > JF_STORE_AMOUNT_MOST || it->cost > JF_STORE_AMOUNT_MOST ||
           (it->kind == JF_LIMIT_BUCKET ? it->rate < 1 : it->burst != 0);
}

int32_t mock_store_take(mock_store *store, uint64_t now, const jf_store_limit *limits, uint64_t count,
                        jf_view *answer) {
    uint8_t names[JF_STORE_TAKE_MOST][12 + JF_STORE_KEY_MOST];
    taken states[JF_STORE_TAKE_MOST] = {{0, 0, 0}};
    jf_store_verdict verdicts[JF_STORE_TAKE_MOST] = {{0, 0, 0}};
    bool all_fit = true;
    if (count < 1 || count > JF_STORE_TAKE_MOST) return JF_E_INVALID;
    for (uint64_t i = 0; i < count; i++) {
        const jf_store_limit *it = &limits[i];
        if (is_bad_limit(it)) return JF_E_INVALID;
        memcpy(names[i], &it->kind, 4);
        memcpy(names[i] + 4, &it->period_ms, 8);
        memcpy(names[i] + 12, it->key.ptr, it->key.len);
        const item *kept = find(&store->limits, (jf_view){names[i], 12 + it->key.len}, now);
        if (kept != NULL) memcpy(&states[i], kept->bytes + kept->head.key_len, sizeof states[i]);
        double most = (double)(it->kind == JF_LIMIT_BUCKET ? it->burst : it->rate),
               room = most - used(it, &states[i], now);
        verdicts[i].fits = it->cost == 0 || (double)it->cost <= room;
        verdicts[i].left = room > 0 ? (uint64_t)room : 0;
        if (!verdicts[i].fits)
            verdicts[i].retry_ms =
                (double)it->cost > most ? UINT32_MAX : wait_for(it, (double)it->cost - room, now);
        all_fit = all_fit && verdicts[i].fits;
    }
    for (uint64_t i = 0; all_fit && i < count; i++) {
        const jf_store_limit *it = &limits[i];
        if (it->cost == 0) continue;
        states[i].amount += (double)it->cost;
        item *kept = set(&store->limits, (jf_view){names[i], 12 + it->key.len},
                         (jf_view){(const uint8_t *)&states[i], sizeof states[i]});
        double full_ms = (double)it->burst * (double)it->period_ms / (double)(it->rate > 0 ? it->rate : 1);
        kept->head.expires_ms =
            it->kind == JF_LIMIT_BUCKET ? now + (uint64_t)full_ms + 1 : now + 2 * it->period_ms;
        verdicts[i].left -= it->cost;
    }
    uint8_t *bytes = mock_allocate(count * sizeof *verdicts);
    memcpy(bytes, verdicts, count * sizeof *verdicts);
    *answer = (jf_view){bytes, count * sizeof *verdicts};
    return JF_OK;
}
