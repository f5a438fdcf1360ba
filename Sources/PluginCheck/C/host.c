/* SPDX-License-Identifier: Apache-2.0
 * The host of the cases: the mock, with services that notice what the mock lets pass. */
#include "check.h"
#include <dlfcn.h>
#include <sys/resource.h>
#include <time.h>

/* ---- Random numbers (splitmix64) ---- */

uint64_t check_random(check *c) {
    uint64_t x = c->random += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

uint64_t check_below(check *c, uint64_t limit) {
    return limit == 0 ? 0 : check_random(c) % limit;
}

/* ---- The library ---- */

bool check_lists(const char *const *ids, const char *id) {
    for (; ids != NULL && *ids != NULL; ids++) {
        if (strcmp(*ids, id) == 0) return true;
    }
    return false;
}

bool check_has_facet(const check *c, const char *id) {
    return check_lists(c->setup->facets, id);
}

jf_entry_fn check_entry(check *c) {
    if (c->entry != NULL) return c->entry;
    if (c->is_isolated) return c->entry = check_cell_entry(c);
    check_step("dlopen (its constructors)");
    void *library = dlopen(c->setup->path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == NULL) {
        check_fail(c, "Link the library that defines what is missing; RTLD_NOW binds everything.",
                   "dlopen refuses it: %s", dlerror());
        return NULL;
    }
    void *symbol = dlsym(library, "jf_entry_1");
    if (symbol == NULL) {
        check_fail(c, "Mark the entry function JF_PUBLIC.", "it has no function jf_entry_1");
        return NULL;
    }
    memcpy(&c->entry, &symbol, sizeof c->entry);
    check_step("its start");
    return c->entry;
}

/* ---- Time ---- */

static uint64_t cpu_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static long voluntary_switches(void) {
    struct rusage usage;
    return getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_nvcsw : 0;
}

void check_enter(check_host *h, const char *slot) {
    check_step(slot);
    h->began_switches = voluntary_switches();
    h->began_ns = check_clock();
    h->began_cpu_ns = cpu_clock();
}

/* Waiting shows as a voluntary switch: a busy machine takes the processor away without one. */
void check_leave(check_host *h) {
    uint64_t cpu = cpu_clock() - h->began_cpu_ns, wall = check_clock() - h->began_ns;
    bool has_waited = voluntary_switches() > h->began_switches;
    if (cpu > h->worst_cpu_ns) {
        h->worst_cpu_ns = cpu;
        h->worst_slot = check_last_step();
    }
    if (has_waited && wall > cpu && wall - cpu > h->worst_blocked_ns) {
        h->worst_blocked_ns = wall - cpu;
        h->blocked_slot = check_last_step();
    }
    h->calls++;
}

/* ---- Services ---- */

static check_host *alive(void *context, const char *slot) {
    check_host *h = context;
    int phase = atomic_load(&h->phase);
    if (phase == CHECK_ENDED) {
        check_fail(h->c, "Cancel timers, join threads and drop posts before `destroy` returns.",
                   "it calls %s after `destroy` returned", slot);
        atomic_fetch_add(&h->late, 1);
    } else if (phase == CHECK_STOPPED) {
        check_fail(h->c, "End all work in `stop`; only `destroy` may still call the host.",
                   "it calls %s after `stop` returned", slot);
        atomic_fetch_add(&h->late, 1);
    }
    return h;
}

static void write_log(void *context, uint32_t level, jf_view text, const jf_pair *fields, uint64_t count) {
    check_host *h = alive(context, "jf.log/1 write");
    h->mock->log_table.write(h->mock, level, text, fields, count);
}

static uint32_t log_enabled(void *context, uint32_t level) {
    check_host *h = context;
    return h->mock->log_table.enabled(h->mock, level);
}

static bool refused(check_host *h) {
    return atomic_fetch_add(&h->loop_calls, 1) >= h->refuse_from;
}

static int32_t loop_watch(void *context, int32_t fd, uint32_t events, jf_ready_fn ready, void *user,
                          jf_ref *out) {
    check_host *h = alive(context, "jf.loop/1 watch");
    if (refused(h)) return JF_E_BUSY;
    return h->mock->loop_table.watch(h->mock, fd, events, ready, user, out);
}

static void loop_unwatch(void *context, jf_ref watch) {
    check_host *h = context;
    if (atomic_load(&h->phase) != CHECK_ENDED) h->mock->loop_table.unwatch(h->mock, watch);
}

static int32_t loop_timer(void *context, uint64_t delay, jf_task_fn fire, void *user, jf_ref *out) {
    check_host *h = alive(context, "jf.loop/1 timer");
    if (refused(h)) return JF_E_BUSY;
    return h->mock->loop_table.timer(h->mock, delay, fire, user, out);
}

static void loop_cancel(void *context, jf_ref timer) {
    check_host *h = context;
    if (atomic_load(&h->phase) != CHECK_ENDED) h->mock->loop_table.cancel(h->mock, timer);
}

static int32_t loop_post(void *context, jf_task_fn task, void *user) {
    check_host *h = alive(context, "jf.loop/1 post");
    if (atomic_load(&h->phase) == CHECK_ENDED) return JF_E_GONE;
    if (refused(h)) return JF_E_BUSY;
    return h->mock->loop_table.post(h->mock, task, user);
}

static uint64_t loop_now(void *context) {
    check_host *h = context;
    return h->mock->loop_table.now(h->mock);
}

static uint32_t loop_index(void *context, uint32_t *count) {
    check_host *h = context;
    return h->mock->loop_table.index(h->mock, count);
}

/* A blob given to the plugin: the mock's own inside, so that a second drop is seen and harms nobody. */
typedef struct given {
    check_host *h;
    jf_blob inner;
    atomic_uint drops;
} given;

static void drop_given(void *owner) {
    given *it = owner;
    if (atomic_fetch_add(&it->drops, 1) > 0) {
        check_fail(it->h->c, "Call a blob's `drop` exactly once, and clear the variable then.",
                   "it dropped a blob of jf.config/1 twice");
        return;
    }
    if (it->inner.drop != NULL) it->inner.drop(it->inner.owner);
}

static int32_t wrap(check_host *h, int32_t status, jf_blob *out) {
    if (status != JF_OK) return status;
    given *it = mock_allocate(sizeof *it);
    *it = (given){.h = h, .inner = *out};
    mock_lock(h->mock);
    mock_push(&h->blobs, it);
    mock_unlock(h->mock);
    out->owner = it;
    out->drop = drop_given;
    return status;
}

static int32_t json_find(void *context, jf_view document, jf_view pointer, jf_view *value, uint32_t *kind) {
    check_host *h = context;
    return h->mock->config_table.find(h->mock, document, pointer, value, kind);
}
static int32_t json_next(void *context, jf_view container, uint64_t *cursor, jf_view *key, jf_view *value,
                         uint32_t *kind) {
    check_host *h = context;
    return h->mock->config_table.next(h->mock, container, cursor, key, value, kind);
}
static int32_t json_text(void *context, jf_view value, jf_blob *out) {
    check_host *h = context;
    return wrap(h, h->mock->config_table.text(h->mock, value, out), out);
}
static int32_t json_integer(void *context, jf_view value, int64_t *out) {
    check_host *h = context;
    return h->mock->config_table.integer(h->mock, value, out);
}
static int32_t json_real(void *context, jf_view value, double *out) {
    check_host *h = context;
    return h->mock->config_table.real(h->mock, value, out);
}
static int32_t json_quote(void *context, jf_view text, jf_blob *out) {
    check_host *h = context;
    return wrap(h, h->mock->config_table.quote(h->mock, text, out), out);
}
static int32_t json_secret(void *context, jf_view name, jf_blob *out) {
    check_host *h = context;
    return wrap(h, h->mock->config_table.secret(h->mock, name, out), out);
}

void check_offer(check_host *h, const char *id, const void *table) {
    mock_list *offered = &h->mock->offered;
    for (uint32_t i = 0; i + 1 < offered->count; i += 2) {
        if (strcmp(offered->items[i], id) != 0) continue;
        offered->items[i + 1] = (void *)(uintptr_t)table;
        return;
    }
    jf_mock_offer(h->mock, id, table);
}

void check_ops_open(check_host *h);
void check_ops_end(check_host *h);
void check_services_open(check_host *h);
void check_services_end(check_host *h);

static void open_services(check_host *h) {
    h->log = (jf_log_1){.size = sizeof h->log, .context = h, .write = write_log, .enabled = log_enabled};
    h->loop = (jf_loop_1){.size = sizeof h->loop,
                          .context = h,
                          .watch = loop_watch,
                          .unwatch = loop_unwatch,
                          .timer = loop_timer,
                          .cancel = loop_cancel,
                          .post = loop_post,
                          .now = loop_now,
                          .index = loop_index};
    h->config = (jf_config_1){.size = sizeof h->config,
                              .context = h,
                              .find = json_find,
                              .next = json_next,
                              .text = json_text,
                              .integer = json_integer,
                              .real = json_real,
                              .quote = json_quote,
                              .secret = json_secret};
    check_ops_open(h);
    check_services_open(h);
    jf_mock_offer(h->mock, JF_LOG_1, &h->log);
    jf_mock_offer(h->mock, JF_LOOP_1, &h->loop);
    jf_mock_offer(h->mock, JF_CONFIG_1, &h->config);
    jf_mock_offer(h->mock, JF_OPS_1, &h->ops);
}

/* ---- Life ---- */

check_host *check_host_new(check *c, bool bare) {
    jf_entry_fn entry = check_entry(c);
    if (entry == NULL) return NULL;
    check_host *h = mock_allocate(sizeof *h);
    h->c = c;
    h->mock = jf_mock_new();
    h->refuse_from = UINT64_MAX;
    h->patience_ms = 5000;
    h->worst_slot = h->blocked_slot = "nothing";
    open_services(h);
    check_step("jf_entry_1");
    int32_t status = bare ? jf_mock_attach(h->mock, entry) : jf_mock_load(h->mock, c->setup->path);
    if (status != JF_OK) {
        check_fail(c, "See the cases of the group entry.", "its entry function is of no use: %s",
                   jf_mock_why(h->mock));
        jf_mock_free(h->mock);
        free(h);
        return NULL;
    }
    return h;
}

void check_collect(check_host *h) {
    for (uint32_t i = 0; i < jf_mock_problems(h->mock); i++)
        check_fail(h->c, "Run this case alone with JF_MOCK_VERBOSE=1 to see its log and messages.", "%s",
                   jf_mock_problem(h->mock, i));
    jf_mock_forgive(h->mock);
}

void check_host_free(check_host *h) {
    if (jf_mock_self(h->mock) != NULL) check_destroy(h);
    check_collect(h);
    check_ops_end(h);
    check_services_end(h);
    atomic_store(&h->phase, CHECK_ENDED);
    /* A plugin that still calls must find what it calls: the few bytes stay until the process ends. */
    if (atomic_load(&h->late) > 0) return;
    for (uint32_t i = 0; i < h->blobs.count; i++)
        free(h->blobs.items[i]);
    free(h->blobs.items);
    jf_mock_free(h->mock);
    free(h);
}

const char *check_text(const jf_fault *why) {
    static _Thread_local char text[sizeof why->text + 1];
    uint32_t length = why->text_len <= sizeof why->text ? why->text_len : (uint32_t)sizeof why->text;
    memcpy(text, why->text, length);
    text[length] = 0;
    return length > 0 ? text : "without saying why";
}

void check_why(check_host *h, const char *slot, int32_t status, const jf_fault *why) {
    if (why->text_len > sizeof why->text)
        check_fail(h->c, "Cut the text to sizeof why->text.",
                   "%s: the fault's text_len is %u, its text holds %zu", slot, why->text_len,
                   sizeof why->text);
    if (why->size != sizeof *why)
        check_fail(h->c, "Write code, flags, retry_ms, text_len and text; `size` is the caller's.",
                   "%s changed the `size` of the fault to %u", slot, why->size);
    if (status < JF_E_FAULT || status > JF_ABSENT)
        check_fail(h->c, "Answer one of JF_OK, JF_PENDING, JF_ABSENT and JF_E_*.",
                   "%s answered %d, which is no status", slot, (int)status);
    else if (status < 0 && why->text_len == 0)
        check_warn(h->c, "Fill in `why`: one sentence, what happened and what to do.",
                   "%s answered %d without saying why", slot, (int)status);
}

int32_t check_create(check_host *h, const char *config) {
    jf_fault *why = jf_mock_fault(h->mock);
    const jf_plugin *plugin = jf_mock_plugin(h->mock);
    jf_self *self = NULL;
    jf_view lent = check_lend_text(h->c, "`config` of create", config != NULL ? config : "{}");
    check_enter(h, "create");
    int32_t status = plugin->create(&h->mock->offer, lent, &self, why);
    check_leave(h);
    check_return(h->c);
    h->mock->started = h->mock->stopped = false;
    h->mock->self = status == JF_OK ? self : NULL;
    if (status == JF_OK && self == NULL)
        check_fail(h->c, "Write the instance to *out.", "create answered JF_OK but gave no instance");
    if (status == JF_PENDING || status == JF_ABSENT)
        check_fail(h->c, "Answer JF_OK or an error.", "create answered %d", (int)status);
    if (status < 0) {
        check_why(h, "create", status, why);
        mock_loop_check(h->mock); /* nothing may be left behind */
        mock_services_check(h->mock);
    }
    atomic_store(&h->phase, CHECK_RUNNING);
    return status == JF_OK && self == NULL ? JF_E_FAULT : status;
}

int32_t check_start(check_host *h) {
    const jf_plugin *plugin = jf_mock_plugin(h->mock);
    jf_fault *why = jf_mock_fault(h->mock);
    int32_t status = JF_OK;
    if (plugin->start != NULL) {
        check_enter(h, "start");
        status = plugin->start(h->mock->self, why);
        check_leave(h);
    }
    h->mock->started = status == JF_OK;
    if (status != JF_OK) {
        jf_fault kept = *why;
        check_why(h, "start", status, why);
        h->mock->stopped = true; /* the host goes straight to destroy */
        check_destroy(h);
        h->mock->fault = kept;
    }
    return status;
}

void check_stop(check_host *h) {
    if (h->mock->self == NULL || h->mock->stopped) return;
    const jf_plugin *plugin = jf_mock_plugin(h->mock);
    if (h->mock->started && plugin->stop != NULL) {
        check_enter(h, "stop");
        plugin->stop(h->mock->self);
        check_leave(h);
    }
    h->mock->stopped = true;
    check_step("a task that was posted before stop returned");
    mock_run_posts(h->mock); /* a post is never lost */
}

void check_destroy(check_host *h) {
    if (h->mock->self == NULL) return;
    check_stop(h);
    atomic_store(&h->phase, CHECK_ENDING);
    check_enter(h, "destroy");
    h->mock->plugin.destroy(h->mock->self);
    check_leave(h);
    atomic_store(&h->phase, CHECK_ENDED);
    h->mock->self = NULL;
    mock_loop_check(h->mock);
    mock_services_check(h->mock);
    mock_objects_check(h->mock);
    mock_retain_check(h->mock);
    check_step("what runs after destroy");
}

bool check_up_on(check_host *h) {
    check *c = h->c;
    const char *const *needed = c->setup->required;
    for (; needed != NULL && *needed != NULL; needed++) {
        static const char *const offered[] = {JF_LOOP_1,     JF_LOG_1,      JF_CLOCK_1,    JF_MEMORY_1,
                                              JF_OPS_1,      JF_CONFIG_1,   JF_TOOLSETS_1, JF_CALLS_1,
                                              JF_INBOUND_1,  JF_CHANNELS_1, JF_IDENTITY_1, JF_CONNECTED_1,
                                              JF_POLICIES_1, JF_WATCHES_1,  JF_STATE_1,    NULL};
        if (check_lists(offered, *needed)) continue;
        check_skip(c, "it requires %s, which another plugin has to offer", *needed);
        return false;
    }
    if (c->setup->config == NULL) {
        check_skip(c, "no configuration could be made from its schema: give one with --config");
        return false;
    }
    int32_t status = check_create(h, c->setup->config);
    if (status == JF_OK) status = check_start(h);
    if (status == JF_OK) return true;
    check_skip(c, "it refuses to begin: %s", check_text(&h->mock->fault));
    return false;
}

check_host *check_up(check *c) {
    check_host *h = check_host_new(c, true);
    if (h == NULL) return NULL;
    if (check_up_on(h)) return h;
    check_host_free(h);
    return NULL;
}
