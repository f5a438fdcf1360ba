/* SPDX-License-Identifier: Apache-2.0
 * Cases: tables and structs that are shorter or longer than this minor's, as other hosts have them. */
#include "check.h"

/* The host's tables by id, as the plugin is offered them. */
static const void *table_of(check_host *h, const char *id, uint32_t *size) {
    const struct {
        const char *id;
        const void *table;
        uint32_t size;
    } tables[] = {
        {JF_LOOP_1, &h->loop, sizeof h->loop},
        {JF_LOG_1, &h->log, sizeof h->log},
        {JF_CONFIG_1, &h->config, sizeof h->config},
        {JF_OPS_1, &h->ops, sizeof h->ops},
        {JF_CLOCK_1, &h->mock->clock_table, sizeof h->mock->clock_table},
        {JF_MEMORY_1, &h->mock->memory_table, sizeof h->mock->memory_table},
        {JF_TOOLSETS_1, &h->mock->toolsets_table, sizeof h->mock->toolsets_table},
        {JF_IDENTITY_1, &h->identity, sizeof h->identity},
        {JF_CONNECTED_1, &h->connected, sizeof h->connected},
        {JF_POLICIES_1, &h->policies, sizeof h->policies},
        {JF_WATCHES_1, &h->watches, sizeof h->watches},
        {JF_STATE_1, &h->state, sizeof h->state},
        {JF_CALLS_1, &h->mock->calls_table, sizeof h->mock->calls_table},
        {JF_INBOUND_1, &h->mock->inbound_table, sizeof h->mock->inbound_table},
        {JF_CHANNELS_1, &h->mock->channels_table, sizeof h->mock->channels_table},
    };
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        if (strcmp(tables[i].id, id) != 0) continue;
        *size = tables[i].size;
        return tables[i].table;
    }
    return NULL;
}

/* One instance with one table cut to `size` bytes: it may refuse, but not read on. */
static bool live_with(check *c, const char *id, uint32_t size, bool *is_over) {
    char table_bytes[256];
    uint32_t whole = 0;
    check_host *h = check_host_new(c, true);
    if (h == NULL) return false;
    const void *table = table_of(h, id, &whole);
    *is_over = table == NULL || size >= whole;
    if (!*is_over) {
        memcpy(table_bytes, table, whole);
        memcpy(table_bytes, &size, sizeof size);
        check_offer(h, id, check_cut_table(id, table_bytes, size));
        if (check_create(h, c->setup->config) == JF_OK && check_start(h) == JF_OK) check_exercise(h, 1);
    }
    check_host_free(h);
    if (c->result->outcome == CHECK_SKIP) c->result->outcome = CHECK_PASS;
    return !check_failed(c);
}

static void cut(check *c, const char *const *ids) {
    for (; ids != NULL && *ids != NULL; ids++) {
        bool is_over = false;
        for (uint32_t size = 24; !is_over; size += 8) {
            if (!live_with(c, *ids, size, &is_over)) return;
        }
    }
}

static void short_tables(check *c) {
    if (c->setup->config == NULL) {
        check_skip(c, "no configuration could be made from its schema: give one with --config");
        return;
    }
    cut(c, c->setup->required);
    cut(c, c->setup->optional);
}

static void long_tables(check *c) {
    check_host *h = check_host_new(c, true);
    if (h == NULL) return;
    const char *const *lists[] = {c->setup->required, c->setup->optional};
    for (int i = 0; i < 2; i++) {
        for (const char *const *id = lists[i]; id != NULL && *id != NULL; id++) {
            uint8_t bytes[512];
            uint32_t whole = 0, size;
            const void *table = table_of(h, *id, &whole);
            if (table == NULL) continue;
            memset(bytes, 0xa5, sizeof bytes);
            memcpy(bytes, table, whole);
            size = whole + 64;
            memcpy(bytes, &size, sizeof size);
            check_offer(h, *id, check_cut_table(*id, bytes, size));
        }
    }
    if (check_up_on(h))
        check_exercise(h, 1);
    else if (c->result->outcome == CHECK_SKIP && strstr(c->result->reason, "refuses") != NULL)
        check_fail(c, "Take tables that are larger than known: a newer host has appended to them.",
                   "where the host's tables are larger, %s", c->result->reason);
    check_host_free(h);
}

static void long_structs(check *c) {
    check_host *h = check_up(c);
    if (h == NULL) return;
    check_exercise(h, 1); /* what it refuses anyway is another matter */
    if (c->result->outcome >= CHECK_SKIP) {
        check_host_free(h);
        return;
    }
    h->grows_structs = true;
    check_exercise(h, 1);
    if (c->result->outcome == CHECK_SKIP && strstr(c->result->reason, "refuses") != NULL)
        check_fail(c, "Take structs that are larger than known: a newer host has appended to them.",
                   "where requests are longer than ABI 1.0's, %s", c->result->reason);
    check_host_free(h);
}

CHECK_GROUP(size,
            {"size.short-tables", "it reads nothing beyond the declared size of a host table", NULL,
             short_tables, false},
            {"size.long-tables", "it takes host tables that are longer than known", NULL, long_tables, false},
            {"size.long-structs", "it takes requests and endpoints that are longer than known", NULL,
             long_structs, false}, );
