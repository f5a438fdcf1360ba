/* SPDX-License-Identifier: Apache-2.0
 * What the targets' servers say of their tools: input schemas, and what may be called in excess. Lists every
 * endpoint once, page by page; again after a while, soon where something is missing. */
#include "model.h"
#include "values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_RETRY 250000000u
#define LAST_RETRY 15000000000u
/** Not before: servers take a while to start. */
#define MISSED_AFTER 4000000000u
#define MOST_PAGES 200u
#define LIST_TIMEOUT 10000000000u

static void due(void *user) {
    set *it = user;
    it->timer = 0;
    if (!it->closed) discover_begin(it);
    set_release(it);
}

static void later(set *it, uint64_t delay) {
    const jf_loop_1 *loop = it->self->loop;
    it->references++;
    if (loop->timer(loop->context, delay, due, it, &it->timer) == JF_OK) return;
    it->timer = 0;
    it->references--;
}

/** Says once that a target is not there: a name may be wrong. */
static void miss(set *it, const composite *of, target *at) {
    const jf_log_1 *log = it->self->log;
    char words[300];
    bool missing = at->safety == SAFETY_UNKNOWN || at->safety == SAFETY_ABSENT;
    if (missing && !at->missed && it->retry_ns >= MISSED_AFTER && log != NULL) {
        int length = snprintf(words, sizeof words, "composites.%s: %.80s does not list the tool '%.80s'",
                              of->name, at->server, at->tool);
        at->missed = true;
        log->write(log->context, JF_LOG_WARNING,
                   (jf_view){(const uint8_t *)words, value_cut(words, (size_t)length, sizeof words - 1)},
                   NULL, 0);
    }
    if (!missing) at->missed = false;
}

static void listed(set *it) {
    it->listing = false;
    for (uint32_t i = 0; i < it->count; i++)
        for (uint32_t j = 0; j < it->composites[i].count; j++) {
            target *of = &it->composites[i].targets[j];
            /* A server that did not answer leaves what is known. */
            if (of->seen != SAFETY_UNKNOWN) of->safety = of->seen;
            if (of->safety == SAFETY_UNKNOWN || of->safety == SAFETY_ABSENT) it->incomplete = true;
            miss(it, &it->composites[i], of);
        }
    uint64_t wait = it->refresh_ns;
    if (it->incomplete) {
        wait = it->retry_ns;
        it->retry_ns = it->retry_ns * 2 < LAST_RETRY ? it->retry_ns * 2 : LAST_RETRY;
    } else {
        it->retry_ns = FIRST_RETRY;
    }
    if (wait > 0) later(it, wait);
    if (it->changed && it->self->toolsets != NULL)
        it->self->toolsets->changed(it->self->toolsets->context, it->host, JF_TOOLS);
    runs_listed(it);
}

/** What the annotations promise (MCP 2026-07-28, ToolAnnotations; both are false where they are absent). */
static safety judge(const json_value *annotations) {
    static const char *const promises[] = {"readOnlyHint", "idempotentHint"};
    json_value value;
    for (int i = 0; i < 2; i++)
        if (value_member(annotations, promises[i], &value) && value.kind == JSON_BOOL && *value.ptr == 't')
            return SAFETY_SAFE;
    return SAFETY_UNSAFE;
}

static void take_schema(set *it, composite *of, const json_value *schema) {
    text derived = {0};
    if (of->mode == MODE_BATCH && of->count == 1)
        schema_derive_item(of, schema, &derived);
    else
        schema_derive(&of->targets[of->mode == MODE_BATCH], schema, &derived);
    bool same = of->schema != NULL && derived.length == of->schema_length && derived.bytes != NULL &&
                memcmp(derived.bytes, of->schema, derived.length) == 0;
    if (derived.failed || same || derived.length == 0) {
        text_free(&derived);
        return;
    }
    free(of->schema);
    of->schema = derived.bytes;
    of->schema_length = derived.length;
    it->changed = true;
}

static void take_tool(set *it, const json_value *tool) {
    json_value key, value, name = {0}, annotations = {0}, schema = {0};
    if (tool->kind != JSON_OBJECT) return;
    json_members walk = json_walk(tool);
    while (json_next(&walk, &key, &value) == 1) {
        if (json_is(&key, "name")) name = value;
        if (json_is(&key, "annotations")) annotations = value;
        if (json_is(&key, "inputSchema")) schema = value;
    }
    if (name.kind != JSON_STRING) return;
    for (uint32_t i = 0; i < it->count; i++)
        for (uint32_t j = 0; j < it->composites[i].count; j++) {
            target *of = &it->composites[i].targets[j];
            if (strcmp(of->path, it->paths[it->path_at]) != 0 || !json_is(&name, of->tool)) continue;
            of->seen = judge(&annotations);
            uint32_t model = it->composites[i].mode == MODE_BATCH ? it->composites[i].count - 1 : 0;
            if (j == model && schema.kind == JSON_OBJECT) take_schema(it, &it->composites[i], &schema);
        }
}

/** The targets of this endpoint that its list does not name. */
static void close_path(set *it) {
    for (uint32_t i = 0; i < it->count; i++)
        for (uint32_t j = 0; j < it->composites[i].count; j++) {
            target *of = &it->composites[i].targets[j];
            if (strcmp(of->path, it->paths[it->path_at]) == 0 && of->seen == SAFETY_UNKNOWN)
                of->seen = SAFETY_ABSENT;
        }
}

static bool ask(set *it, const json_value *cursor);

/** The next endpoint that can be asked, or the end. */
static void advance(set *it) {
    it->pages = 0;
    while (++it->path_at < it->path_count)
        if (ask(it, NULL)) return;
    listed(it);
}

static void answered(void *user, jf_ref call, const jf_call_result *result) {
    set *it = user;
    json_value root, tools, tool, cursor;
    (void)call;
    it->list_call = 0;
    if (it->closed) {
        set_release(it);
        return;
    }
    if (result->status == JF_OK && json_parse(result->body.ptr, result->body.len, &root) &&
        value_member(&root, "tools", &tools) && tools.kind == JSON_ARRAY) {
        json_members walk = json_walk(&tools);
        while (json_item(&walk, &tool) == 1)
            take_tool(it, &tool);
        bool more = value_member(&root, "nextCursor", &cursor) && cursor.kind == JSON_STRING;
        if (more && ++it->pages < MOST_PAGES && ask(it, &cursor)) {
            set_release(it);
            return;
        }
        if (!more) close_path(it);
    } else {
        it->incomplete = true;
    }
    advance(it);
    set_release(it);
}

/** Asks for one page of the endpoint at `path_at`. */
static bool ask(set *it, const json_value *cursor) {
    const jf_calls_1 *calls = it->self->calls;
    text params = {0};
    text_put(&params, "{");
    if (cursor != NULL) {
        text_put(&params, "\"cursor\":");
        value_put(&params, cursor);
    }
    text_put(&params, "}");
    jf_fault why = {.size = sizeof why};
    jf_call call = {.size = sizeof call,
                    .timeout_ns = LIST_TIMEOUT,
                    .target = view_of(it->paths[it->path_at]),
                    .method = view_of("tools/list"),
                    .params = {params.bytes, params.length}};
    it->references++;
    bool started =
        !params.failed && calls->start(calls->context, &call, answered, it, &it->list_call, &why) == JF_OK;
    text_free(&params);
    if (started) return true;
    it->references--;
    it->incomplete = true;
    return false;
}

void discover_begin(set *it) {
    if (it->listing || it->closed || it->self->stopped) return;
    if (it->timer != 0) {
        it->self->loop->cancel(it->self->loop->context, it->timer);
        it->timer = 0;
        it->references--;
    }
    for (uint32_t i = 0; i < it->count; i++)
        for (uint32_t j = 0; j < it->composites[i].count; j++)
            it->composites[i].targets[j].seen = SAFETY_UNKNOWN;
    if (it->retry_ns == 0) it->retry_ns = FIRST_RETRY;
    it->listing = true;
    it->incomplete = it->changed = false;
    it->path_at = it->pages = 0;
    if (!ask(it, NULL)) advance(it);
}

void discover_end(set *it) {
    it->closed = true;
    if (it->timer != 0) {
        it->self->loop->cancel(it->self->loop->context, it->timer);
        it->timer = 0;
        it->references--;
    }
    if (it->list_call != 0) it->self->calls->cancel(it->self->calls->context, it->list_call);
}
