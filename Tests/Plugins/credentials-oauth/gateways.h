/* SPDX-License-Identifier: Apache-2.0
 * Several gateways in one test, with a store between them that can be looked into, changed and switched off.
 * Each has a copy of the plugin of its own, so that none knows what another has in memory. */
#ifndef GATEWAYS_H
#define GATEWAYS_H

enum { KEPT_MOST = 64, BEGUN_MOST = 256, GATEWAYS_MOST = 4 };

/* ---- The store ---- */

static struct kept {
    char key[256];
    char *value;
    size_t length;
    uint64_t revision, ttl_ms;
} kept[KEPT_MOST];
static uint64_t revisions;
static bool is_down, writes_fail;

static struct begun {
    bool open;
    jf_state_done_fn done;
    void *user;
    int32_t status;
    void *answer;
    size_t length;
} begun[BEGUN_MOST];
static uint32_t begun_count;

static struct kept *kept_at(jf_view key, bool prefix) {
    for (int i = 0; i < KEPT_MOST; i++)
        if (kept[i].value != NULL &&
            (prefix ? strlen(kept[i].key) >= key.len : strlen(kept[i].key) == key.len) &&
            memcmp(kept[i].key, key.ptr, key.len) == 0)
            return &kept[i];
    return NULL;
}

/** The only record of a kind, "t/"; NULL: there is none. */
static struct kept *kept_of(const char *kind) {
    return kept_at(jf_mock_view(kind), true);
}

static void kept_set(struct kept *it, const char *value, size_t length) {
    char *copy = malloc(length + 1);
    memcpy(copy, value, length);
    copy[length] = 0;
    free(it->value);
    it->value = copy;
    it->length = length;
    it->revision = ++revisions;
}

static void kept_drop(struct kept *it) {
    free(it->value);
    *it = (struct kept){.value = NULL};
}

static void store_end(void) {
    for (int i = 0; i < KEPT_MOST; i++)
        kept_drop(&kept[i]);
    begun_count = 0;
    is_down = writes_fail = false;
}

static int32_t later(int32_t status, const struct kept *entry, jf_state_done_fn done, void *user,
                     jf_ref *out) {
    struct begun *it = &begun[begun_count % BEGUN_MOST];
    *it = (struct begun){.open = true, .done = done, .user = user, .status = is_down ? JF_E_GONE : status};
    if (entry != NULL && it->status == JF_OK) {
        jf_store_entry head = {.revision = entry->revision,
                               .key_len = (uint32_t)strlen(entry->key),
                               .value_len = (uint32_t)entry->length};
        it->length = sizeof head + head.key_len + head.value_len;
        it->answer = malloc(it->length);
        memcpy(it->answer, &head, sizeof head);
        memcpy((char *)it->answer + sizeof head, entry->key, head.key_len);
        memcpy((char *)it->answer + sizeof head + head.key_len, entry->value, head.value_len);
    }
    *out = ++begun_count;
    return JF_OK;
}

static int32_t state_get(void *context, jf_view key, jf_state_done_fn done, void *user, jf_ref *out) {
    (void)context;
    const struct kept *it = kept_at(key, false);
    return later(it != NULL ? JF_OK : JF_ABSENT, it, done, user, out);
}

static int32_t state_put(void *context, const jf_store_put *put, jf_state_done_fn done, void *user,
                         jf_ref *out) {
    (void)context;
    struct kept *it = kept_at(put->key, false);
    if (writes_fail) return later(JF_E_GONE, NULL, done, user, out);
    if (is_down || ((put->flags & JF_STORE_CREATE) != 0 && it != NULL) ||
        ((put->flags & JF_STORE_MATCH) != 0 && (it == NULL || it->revision != put->revision)))
        return later(JF_E_STALE, NULL, done, user, out);
    for (int i = 0; it == NULL && i < KEPT_MOST; i++)
        if (kept[i].value == NULL) it = &kept[i];
    CHECK(it != NULL, "the test's store is full");
    snprintf(it->key, sizeof it->key, "%.*s", (int)put->key.len, (const char *)put->key.ptr);
    kept_set(it, (const char *)put->value.ptr, put->value.len);
    it->ttl_ms = put->ttl_ms;
    return later(JF_OK, it, done, user, out);
}

static int32_t state_remove(void *context, jf_view key, uint64_t revision, jf_state_done_fn done, void *user,
                            jf_ref *out) {
    (void)context;
    struct kept *it = kept_at(key, false);
    int32_t status = it == NULL ? JF_ABSENT : revision != 0 && it->revision != revision ? JF_E_STALE : JF_OK;
    if (status == JF_OK && !is_down) kept_drop(it);
    return later(status, NULL, done, user, out);
}

static int32_t state_list(void *context, const jf_store_list *list, jf_state_done_fn done, void *user,
                          jf_ref *out) {
    (void)context;
    const struct kept *it = kept_at(list->prefix, true);
    return later(it != NULL ? JF_OK : JF_ABSENT, it, done, user, out);
}

static void state_abandon(void *context, jf_ref operation) {
    (void)context;
    if (operation != 0) begun[(operation - 1) % BEGUN_MOST].open = false;
}

static const jf_state_1 state = {.size = sizeof state,
                                 .get = state_get,
                                 .put = state_put,
                                 .remove = state_remove,
                                 .list = state_list,
                                 .abandon = state_abandon};

static bool pump(void) {
    static uint32_t next;
    bool any = false;
    if (next > begun_count) next = 0;
    for (; next < begun_count; next++) {
        struct begun *it = &begun[next % BEGUN_MOST];
        jf_fault why = {.size = sizeof why, .code = it->status, .text_len = 7};
        memcpy(why.text, "it died", 7);
        any = true;
        if (it->open) {
            it->open = false;
            it->done(it->user, next + 1, it->status, (jf_view){it->answer, it->length},
                     it->status < 0 && it->status != JF_E_STALE ? &why : NULL);
        }
        free(it->answer);
        it->answer = NULL;
    }
    return any;
}

/* ---- Gateways ---- */

static struct gateway {
    jf_mock *mock;
    const jf_credentials_1 *table;
    jf_ref handle;
    jf_http_serve_fn page;
    void *page_user;
    char path[64];
} gateways[GATEWAYS_MOST];

/** All gateways and the store, until nothing moves. */
static void settle_all(void) {
    do {
        for (int i = 0; i < GATEWAYS_MOST; i++)
            if (gateways[i].mock != NULL) jf_mock_settle(gateways[i].mock);
    } while (pump());
}

static void turn(int number) {
    mock = gateways[number].mock;
    table = gateways[number].table;
    handle = gateways[number].handle;
    page = gateways[number].page;
    page_user = gateways[number].page_user;
}

static void copy_file(const char *from, const char *to) {
    char block[65536];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    CHECK(in != NULL && out != NULL, "%s cannot be copied", from);
    for (size_t size; in != NULL && out != NULL && (size = fread(block, 1, sizeof block, in)) > 0;)
        fwrite(block, 1, size, out);
    if (in != NULL) fclose(in);
    if (out != NULL) fclose(out);
}

/** Starts one with nothing in memory, and turns to it. */
static void gateway(int number, const char *config) {
    struct gateway *it = &gateways[number];
    snprintf(it->path, sizeof it->path, "/tmp/jackfield-test-XXXXXX");
    int file = mkstemp(it->path);
    CHECK(file >= 0, "no temporary file");
    if (file >= 0) close(file);
    copy_file(jf_check_plugin, it->path);
    it->mock = mock = jf_mock_new();
    jf_mock_offer(mock, JF_HTTP_1, &http);
    jf_mock_offer(mock, JF_STATE_1, &state);
    jf_mock_offer(mock, JF_SEAL_1, jf_mock_facet(sealing, JF_SEAL_1));
    CHECK(jf_mock_up(mock, it->path, "{}"), "it does not start: %s", jf_mock_why(mock));
    it->table = table = jf_mock_facet(mock, JF_CREDENTIALS_1);
    CHECK(attach(config), "%s", jf_mock_why(mock));
    it->handle = handle;
    it->page = page;
    it->page_user = page_user;
}

static void gateway_end(int number) {
    struct gateway *it = &gateways[number];
    if (it->mock == NULL) return;
    it->table->detach(jf_mock_self(it->mock), it->handle);
    CHECK(jf_mock_destroy(it->mock) == 0, "gateway %d broke a rule or leaked", number);
    jf_mock_free(it->mock);
    remove(it->path);
    it->mock = NULL;
    pump();
}

static void gateways_begin(void) {
    asked_count = 0;
    store_end();
    seal_begin();
}

static void gateways_end(void) {
    for (int i = 0; i < GATEWAYS_MOST; i++)
        gateway_end(i);
    seal_end();
    store_end();
}

/** Moves the time of all. */
static void pass(uint64_t seconds) {
    for (int i = 0; i < GATEWAYS_MOST; i++)
        if (gateways[i].mock != NULL) jf_mock_advance(gateways[i].mock, seconds * 1000000000u);
    settle_all();
}

#endif
