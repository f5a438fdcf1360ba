/* SPDX-License-Identifier: Apache-2.0
 * Mock host: the life of the mock and of the plugin instance, service lookup, problems. */
#include "mock_internal.h"
#include <dlfcn.h>

void *mock_allocate(size_t size) {
    void *memory = calloc(1, size == 0 ? 1 : size);
    if (memory == NULL) {
        fputs("jf_mock: out of memory\n", stderr);
        abort();
    }
    return memory;
}

void mock_push(mock_list *list, void *item) {
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 16 : list->capacity * 2;
        void **items = mock_allocate(list->capacity * sizeof *items);
        if (list->count > 0) memcpy(items, list->items, list->count * sizeof *items);
        free(list->items);
        list->items = items;
    }
    list->items[list->count++] = item;
}

static void free_list(mock_list *list, bool items_too) {
    for (uint32_t i = 0; items_too && i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (mock_list){0};
}

void mock_lock(jf_mock *mock) {
    pthread_mutex_lock(&mock->lock);
}
void mock_unlock(jf_mock *mock) {
    pthread_mutex_unlock(&mock->lock);
}

void *mock_keep_bytes(jf_mock *mock, size_t size) {
    void *memory = mock_allocate(size);
    mock_lock(mock);
    mock_push(&mock->kept, memory);
    mock_unlock(mock);
    return memory;
}

char *mock_keep(jf_mock *mock, jf_view view) {
    if (view.ptr == NULL) return NULL;
    char *copy = mock_keep_bytes(mock, view.len + 1);
    memcpy(copy, view.ptr, view.len);
    return copy;
}

void mock_problem(jf_mock *mock, const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "jf_mock: problem: %s\n", text);
    mock_lock(mock);
    mock_push(&mock->problems, strdup(text));
    mock_unlock(mock);
}

void mock_on_lane(jf_mock *mock, const char *slot) {
    if (!pthread_equal(pthread_self(), mock->lane))
        mock_problem(mock, "%s is a [lane] slot but was called from another thread: post to the lane first",
                     slot);
}

uint32_t jf_mock_problems(jf_mock *mock) {
    mock_lock(mock);
    uint32_t count = mock->problems.count;
    mock_unlock(mock);
    return count;
}

const char *jf_mock_problem(jf_mock *mock, uint32_t index) {
    mock_lock(mock);
    const char *text = index < mock->problems.count ? mock->problems.items[index] : NULL;
    mock_unlock(mock);
    return text;
}

void jf_mock_forgive(jf_mock *mock) {
    mock_lock(mock);
    free_list(&mock->problems, true);
    mock_unlock(mock);
}

/* ---- Services ---- */

static const void *find_service(const jf_host *host, const char *id) {
    jf_mock *mock = host->mock;
    mock_manifest_service(mock, id);
    if (mock->hide_all) return NULL;
    for (uint32_t i = 0; i < mock->hidden.count; i++) {
        if (strcmp(mock->hidden.items[i], id) == 0) return NULL;
    }
    for (uint32_t i = 0; i + 1 < mock->offered.count; i += 2) {
        if (strcmp(mock->offered.items[i], id) == 0) return mock->offered.items[i + 1];
    }
    const struct {
        const char *id;
        const void *table;
    } services[] = {
        {JF_LOOP_1, &mock->loop_table},
        {JF_LOG_1, &mock->log_table},
        {JF_CLOCK_1, &mock->clock_table},
        {JF_MEMORY_1, &mock->memory_table},
        {JF_OPS_1, &mock->ops_table},
        {JF_CONFIG_1, &mock->config_table},
        {JF_TOOLSETS_1, &mock->toolsets_table},
        {JF_CALLS_1, &mock->calls_table},
        {JF_INBOUND_1, &mock->inbound_table},
        {JF_CHANNELS_1, &mock->channels_table},
        {JF_WATCHES_1, &mock->watches_table},
        {JF_IDENTITY_1, &mock->identity_table},
        {JF_CONNECTED_1, &mock->connected_table},
        {JF_POLICIES_1, &mock->policies_table},
        {JF_STATE_1, &mock->state_table},
    };
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++) {
        if (strcmp(services[i].id, id) == 0) return services[i].table;
    }
    return NULL;
}

static const void *no_service(const jf_host *host, const char *id) {
    mock_problem(host->mock, "the entry function asked for service %s: at entry none is offered", id);
    return NULL;
}

void jf_mock_hide(jf_mock *mock, const char *id) {
    if (id == NULL)
        mock->hide_all = true;
    else
        mock_push(&mock->hidden, mock_keep(mock, jf_mock_view(id)));
}

void jf_mock_offer(jf_mock *mock, const char *id, const void *table) {
    mock_push(&mock->offered, mock_keep(mock, jf_mock_view(id)));
    mock_push(&mock->offered, (void *)(uintptr_t)table);
}

void jf_mock_set_abi(jf_mock *mock, uint16_t major, uint16_t minor) {
    mock->offer.major = major;
    mock->offer.minor = minor;
}

/* ---- Life ---- */

jf_mock *jf_mock_new(void) {
    jf_mock *mock = mock_allocate(sizeof *mock);
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&mock->lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    const char *verbose = getenv("JF_MOCK_VERBOSE");
    mock->verbose = verbose != NULL && verbose[0] != 0 && verbose[0] != '0';
    mock->lane = pthread_self();
    mock->host.mock = mock;
    mock->offer = (jf_offer){sizeof(jf_offer), JF_ABI_MAJOR, JF_ABI_MINOR, &mock->host, find_service};
    mock->next_ref = 1;
    mock_loop_open(mock);
    mock_json_open(mock);
    mock_services_open(mock);
    mock_ops_open(mock);
    mock_store_open(mock);
    mock_guard_open(mock);
    mock_state_open(mock);
    mock_transport_open(mock);
    return mock;
}

uint32_t jf_mock_free(jf_mock *mock) {
    if (mock->self != NULL) jf_mock_destroy(mock);
    mock_loop_close(mock);
    uint32_t problems = mock->problems.count;
    for (uint32_t i = 0; i < mock->records.count; i++)
        free(((mock_record *)mock->records.items[i])->text);
    for (uint32_t i = 0; i < mock->objects.count; i++) {
        free(((mock_object *)mock->objects.items[i])->text);
        mock_lent_free(&((mock_object *)mock->objects.items[i])->lent);
    }
    mock_state_close(mock);
    for (uint32_t i = 0; i < mock->buffers.count; i++)
        free(((mock_buffer *)mock->buffers.items[i])->data);
    free_list(&mock->records, true);
    free_list(&mock->objects, true);
    free_list(&mock->buffers, true);
    free_list(&mock->problems, true);
    free_list(&mock->events, true);
    free_list(&mock->hidden, false);
    free_list(&mock->offered, false);
    free_list(&mock->secrets, false);
    free_list(&mock->kept, true);
    if (atomic_load(&mock->counters->blobs) == 0) free(mock->counters);
    pthread_mutex_destroy(&mock->lock);
    free(mock);
    return problems;
}

void mock_copy_table(void *to, size_t own, const void *from, const char *what, jf_mock *mock) {
    memset(to, 0, own);
    if (from == NULL) return;
    uint32_t declared;
    memcpy(&declared, from, sizeof declared);
    if (declared < 8) {
        mock_problem(mock, "%s declares a size of %u bytes: set `size` to sizeof the table", what, declared);
        return;
    }
    memcpy(to, from, declared < own ? declared : own);
}

jf_fault *jf_mock_fault(jf_mock *mock) {
    memset(&mock->fault, 0, sizeof mock->fault);
    mock->fault.size = sizeof mock->fault;
    return &mock->fault;
}

const char *jf_mock_why(jf_mock *mock) {
    uint32_t length = mock->fault.text_len;
    if (length > sizeof mock->fault.text) {
        mock_problem(mock, "a fault's text_len is %u: more than its text holds", length);
        length = sizeof mock->fault.text;
    }
    memcpy(mock->why, mock->fault.text, length);
    mock->why[length] = 0;
    return mock->why;
}

static void explain(jf_mock *mock, const char *text) {
    jf_fault *fault = jf_mock_fault(mock);
    size_t length = strlen(text);
    fault->text_len = (uint32_t)(length < sizeof fault->text ? length : sizeof fault->text);
    memcpy(fault->text, text, fault->text_len);
    fault->code = JF_E_FAULT;
}

int32_t jf_mock_attach(jf_mock *mock, jf_entry_fn entry) {
    jf_offer offer = mock->offer;
    offer.service = no_service;
    const jf_plugin *first = entry(&offer, jf_mock_fault(mock));
    if (first == NULL) return mock->fault.code != 0 ? mock->fault.code : JF_E_UNSUPPORTED;
    if (entry(&offer, jf_mock_fault(mock)) == NULL) {
        mock_problem(mock, "the entry function refused its second call: it must be callable twice");
        return JF_E_FAULT;
    }
    mock_copy_table(&mock->plugin, sizeof mock->plugin, first, "jf_plugin", mock);
    if (mock->plugin.create == NULL || mock->plugin.destroy == NULL || mock->plugin.facet == NULL) {
        explain(mock, "jf_plugin lacks create, destroy or facet");
        return JF_E_FAULT;
    }
    mock->loaded = true;
    return JF_OK;
}

int32_t jf_mock_load(jf_mock *mock, const char *path) {
    if (path == NULL) {
        explain(mock, "no plugin named: give its path as the first argument");
        return JF_E_FAULT;
    }
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == NULL) {
        explain(mock, dlerror());
        return JF_E_FAULT;
    }
    jf_entry_fn entry;
    void *symbol = dlsym(library, "jf_entry_1");
    if (symbol == NULL) {
        explain(mock, dlerror());
        return JF_E_FAULT;
    }
    mock_manifest_load(mock, path);
    memcpy(&entry, &symbol, sizeof entry); /* ISO C has no cast from an object to a function pointer */
    return jf_mock_attach(mock, entry);
}

int32_t jf_mock_create(jf_mock *mock, const char *config) {
    if (!mock->loaded || mock->self != NULL) {
        explain(mock, mock->loaded ? "an instance exists already" : "no plugin is loaded");
        return JF_E_FAULT;
    }
    /* A copy that is freed at once, so that AddressSanitizer sees a view kept beyond the call. */
    char *text = strdup(config != NULL ? config : "{}");
    if (text == NULL) abort();
    jf_self *self = NULL;
    int32_t status = mock->plugin.create(&mock->offer, jf_mock_view(text), &self, jf_mock_fault(mock));
    free(text);
    mock->started = mock->stopped = false;
    if (status == JF_OK && self == NULL) mock_problem(mock, "create answered JF_OK but gave no instance");
    mock->self = status == JF_OK ? self : NULL;
    if (mock->self != NULL) mock_manifest_facets(mock);
    if (status != JF_OK) { /* nothing may be left behind */
        mock_loop_check(mock);
        mock_services_check(mock);
    }
    return status;
}

int32_t jf_mock_start(jf_mock *mock) {
    if (mock->self == NULL) {
        explain(mock, "there is no instance to start");
        return JF_E_FAULT;
    }
    jf_fault *fault = jf_mock_fault(mock);
    int32_t status = mock->plugin.start != NULL ? mock->plugin.start(mock->self, fault) : JF_OK;
    if (status == JF_OK) {
        mock->started = true;
    } else {
        mock->stopped = true; /* the host goes straight to destroy */
        jf_fault kept = mock->fault;
        jf_mock_destroy(mock);
        mock->fault = kept;
    }
    return status;
}

bool jf_mock_up(jf_mock *mock, const char *path, const char *config) {
    const char *step = "load";
    int32_t status = jf_mock_load(mock, path);
    if (status == JF_OK) {
        step = "create";
        status = jf_mock_create(mock, config);
    }
    if (status == JF_OK) {
        step = "start";
        status = jf_mock_start(mock);
    }
    if (status == JF_OK) return true;
    fprintf(stderr, "jf_mock: %s of %s failed with %d: %s\n", step, path != NULL ? path : "(none)",
            (int)status, jf_mock_why(mock));
    return false;
}

void jf_mock_drain(jf_mock *mock, uint32_t timeout_ms) {
    if (mock->self != NULL && mock->plugin.drain != NULL)
        mock->plugin.drain(mock->self, jf_mock_now(mock) + (uint64_t)timeout_ms * 1000000u);
}

void jf_mock_stop(jf_mock *mock) {
    if (mock->self == NULL || mock->stopped) return;
    if (mock->started && mock->plugin.stop != NULL) mock->plugin.stop(mock->self);
    mock->stopped = true;
    mock_run_posts(mock);
}

uint32_t jf_mock_destroy(jf_mock *mock) {
    if (mock->self != NULL) {
        jf_mock_stop(mock);
        mock->plugin.destroy(mock->self);
        mock->self = NULL;
        mock_loop_check(mock);
        mock_services_check(mock);
        mock_objects_check(mock);
        mock_retain_check(mock);
    }
    return jf_mock_problems(mock);
}

jf_self *jf_mock_self(jf_mock *mock) {
    return mock->self;
}
const jf_plugin *jf_mock_plugin(jf_mock *mock) {
    return &mock->plugin;
}

const void *jf_mock_facet(jf_mock *mock, const char *id) {
    return mock->self != NULL ? mock->plugin.facet(mock->self, id) : NULL;
}

const jf_listener_1 *jf_mock_listener(jf_mock *mock) {
    const void *table = jf_mock_facet(mock, JF_LISTENER_1);
    mock_copy_table(&mock->listener, sizeof mock->listener, table, JF_LISTENER_1, mock);
    return table != NULL ? &mock->listener : NULL;
}

const jf_connector_1 *jf_mock_connector(jf_mock *mock) {
    const void *table = jf_mock_facet(mock, JF_CONNECTOR_1);
    mock_copy_table(&mock->connector, sizeof mock->connector, table, JF_CONNECTOR_1, mock);
    return table != NULL ? &mock->connector : NULL;
}

const jf_toolset_1 *jf_mock_toolset(jf_mock *mock) {
    const void *table = jf_mock_facet(mock, JF_TOOLSET_1);
    mock_copy_table(&mock->toolset, sizeof mock->toolset, table, JF_TOOLSET_1, mock);
    return table != NULL ? &mock->toolset : NULL;
}

const jf_routing_1 *jf_mock_routing(jf_mock *mock) {
    const void *table = jf_mock_facet(mock, JF_ROUTING_1);
    mock_copy_table(&mock->routing, sizeof mock->routing, table, JF_ROUTING_1, mock);
    return table != NULL ? &mock->routing : NULL;
}

const jf_store_1 *jf_mock_store(jf_mock *mock) {
    const void *table = jf_mock_facet(mock, JF_STORE_1);
    mock_copy_table(&mock->store, sizeof mock->store, table, JF_STORE_1, mock);
    return table != NULL ? &mock->store : NULL;
}
