/* SPDX-License-Identifier: Apache-2.0
 * tools-native: the entry function, instances, sets, and the toolset facet. */
#include "workers.h"

#include <errno.h>
#include <fcntl.h>
#include <jackfield/host.h>
#include <jackfield/toolset.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_SETS 256u

/** One configured server: a declaration and its library. */
typedef struct set {
    binding binding;
    workers *workers; /**< NULL: no tool needs one */
    uint32_t stop_wait_ms;
    uint32_t generation;
    struct set *next; /**< among those left behind */
} set;

/** Sets of which a function does not return: what its thread may touch stays where it is. */
static pthread_mutex_t left_lock = PTHREAD_MUTEX_INITIALIZER;
static set *left_behind;

struct jf_self {
    const jf_ops_1 *ops;
    const jf_log_1 *log;
    sink_pool *sinks;
    set *sets[MOST_SETS];
    uint32_t generation;
};

/** What a server's entry says. */
typedef struct settings {
    char declarations[4097];
    limits limits;
    uint32_t workers, queue, stop_wait_ms;
} settings;

static void say(const jf_self *self, uint32_t level, const char *words) {
    if (self->log == NULL) return;
    self->log->write(self->log->context, level, (jf_view){(const uint8_t *)words, strlen(words)}, NULL, 0);
}

/** Reads a server's entry. The host has checked it against the schema; this is the second look. */
static bool read_settings(jf_view config, settings *out) {
    const struct {
        const char *name;
        uint64_t standard, most;
    } numbers[] = {{"max_argument_bytes", 1048576, 1073741824},
                   {"max_result_bytes", 1048576, 1073741824},
                   {"workers", 2, 64},
                   {"queue", 256, 100000},
                   {"stop_wait_ms", 2000, 60000}};
    uint64_t values[5];
    json_value root, key, value;
    bool good = json_parse(config.ptr, config.len, &root) && root.kind == JSON_OBJECT;
    for (size_t i = 0; i < 5; i++)
        values[i] = numbers[i].standard;
    out->declarations[0] = 0;
    json_members walk = good ? json_walk(&root) : (json_members){0};
    while (good && json_next(&walk, &key, &value) == 1) {
        bool negative;
        if (json_is(&key, "declarations")) {
            size_t length = value.kind == JSON_STRING && value.len < sizeof out->declarations
                                ? json_decode(&value, out->declarations)
                                : SIZE_MAX;
            good = length != SIZE_MAX;
            if (good) out->declarations[length] = 0;
        }
        for (size_t i = 0; i < 5; i++)
            if (json_is(&key, numbers[i].name))
                good = good && json_integer(&value, &negative, &values[i]) && !negative &&
                       values[i] <= numbers[i].most;
    }
    out->limits = (limits){values[0], values[1]};
    out->workers = (uint32_t)values[2];
    out->queue = (uint32_t)values[3];
    out->stop_wait_ms = (uint32_t)values[4];
    return good && out->declarations[0] != 0 && values[0] > 0 && values[1] > 0 && values[2] > 0 &&
           values[3] > 0;
}

/** Reads a whole file, at most 1 MiB. NULL: `problem` is said. */
static char *read_file(const char *path, size_t *length, problems *list) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    char *bytes = NULL;
    if (file < 0 || fstat(file, &info) != 0 || !S_ISREG(info.st_mode)) {
        problem(list, (place){0, 0}, "cannot read it: %s",
                file < 0 ? strerror(errno) : "it is no regular file");
    } else if (info.st_size > (off_t)1048576) {
        problem(list, (place){0, 0}, "it is larger than 1 MiB");
    } else if ((bytes = malloc((size_t)info.st_size + 1)) != NULL) {
        ssize_t got = 0;
        for (*length = 0; *length < (size_t)info.st_size; *length += (size_t)got) {
            got = read(file, bytes + *length, (size_t)info.st_size - *length);
            if (got <= 0) break;
        }
    }
    if (file >= 0) close(file);
    return bytes;
}

/** Everything about a declaration that can fail. */
static bool make_set(set *it, const settings *from, reporter report, problems *list) {
    char folder[4097];
    size_t length = 0;
    const char *slash = strrchr(from->declarations, '/');
    char *bytes = read_file(from->declarations, &length, list);
    bool good = bytes != NULL && declaration_read(&it->binding.decl, bytes, length, list);
    free(bytes);
    if (!good) return false;
    /* Relative paths in the file begin where the file is. */
    snprintf(folder, sizeof folder, "%.*s", slash == NULL ? 1 : (int)(slash - from->declarations),
             slash == NULL ? "." : from->declarations);
    if (folder[0] == 0) strcpy(folder, "/");
    it->binding.limits = from->limits;
    it->stop_wait_ms = from->stop_wait_ms;
    if (!binding_make(&it->binding, folder, list)) return false;
    bool any = false;
    for (uint32_t i = 0; i < it->binding.decl.tool_count; i++)
        any = any || it->binding.tools[i].on_worker;
    if (!any) return true;
    it->workers = workers_make(report, it->binding.decl.thread_safe ? from->workers : 1, from->queue);
    return it->workers != NULL || problem(list, (place){0, 0}, "out of memory");
}

static void free_set(jf_self *self, set *it) {
    if (it->workers != NULL && !workers_end(it->workers, it->stop_wait_ms)) {
        char words[200];
        snprintf(words, sizeof words,
                 "a function of %.100s does not return: its thread and memory are left behind",
                 it->binding.decl.library);
        say(self, JF_LOG_WARNING, words);
        pthread_mutex_lock(&left_lock);
        it->next = left_behind;
        left_behind = it;
        pthread_mutex_unlock(&left_lock);
        return;
    }
    binding_free(&it->binding);
    free(it);
}

static int32_t open_set(jf_self *self, jf_ref host, jf_view name, jf_view config, jf_ref *handle,
                        jf_fault *why) {
    settings wanted;
    uint32_t slot = 0;
    (void)host, (void)name;
    if (!read_settings(config, &wanted))
        return jf_fault_set(why, JF_E_INVALID, 0, "tools-native: bad configuration");
    while (slot < MOST_SETS && self->sets[slot] != NULL)
        slot++;
    set *it = slot == MOST_SETS ? NULL : calloc(1, sizeof *it);
    problems *list = calloc(1, sizeof *list);
    if (it == NULL || list == NULL) {
        free(it);
        free(list);
        return jf_fault_set(why, JF_E_BUSY, 0, "tools-native: no memory, or more than %u servers", MOST_SETS);
    }
    list->file = wanted.declarations;
    it->binding.sinks = self->sinks;
    if (!make_set(it, &wanted, (reporter){self->ops, self->log}, list)) {
        for (uint32_t i = 0; i < list->count && i < PROBLEMS_KEPT; i++)
            say(self, JF_LOG_ERROR, list->text[i]);
        char rest[48] = "";
        if (list->count > 1) snprintf(rest, sizeof rest, " (and %u more in the log)", list->count - 1);
        const char *first = list->count == 0 ? "tools-native: out of memory" : list->text[0];
        (void)jf_fault_set(why, JF_E_INVALID, 0, "%.*s%s", (int)(sizeof why->text - 1 - strlen(rest)), first,
                           rest);
        binding_free(&it->binding);
        free(it);
        free(list);
        return JF_E_INVALID;
    }
    free(list);
    if (it->binding.decl.unpinned) {
        char words[300];
        snprintf(words, sizeof words, "%.100s is not pinned; its sha256 is %s", it->binding.library.path,
                 it->binding.library.sha256);
        say(self, JF_LOG_INFO, words);
    }
    it->generation = ++self->generation;
    self->sets[slot] = it;
    *handle = (jf_ref)it->generation << 32 | (slot + 1);
    return JF_OK;
}

/** The set behind a handle; NULL: none. */
static set *find_set(const jf_self *self, jf_ref handle) {
    uint64_t slot = (handle & UINT32_MAX) - 1;
    set *it = slot < MOST_SETS ? self->sets[slot] : NULL;
    return it != NULL && it->generation == handle >> 32 ? it : NULL;
}

static void close_set(jf_self *self, jf_ref handle) {
    set *it = find_set(self, handle);
    if (it == NULL) return;
    self->sets[(handle & UINT32_MAX) - 1] = NULL;
    free_set(self, it);
}

static int32_t list_tools(jf_self *self, jf_ref handle, uint32_t kind, jf_blob *items, jf_fault *why) {
    set *it = find_set(self, handle);
    text out = {0};
    if (it == NULL) return jf_fault_set(why, JF_E_STALE, 0, "tools-native: no such set");
    if (kind != JF_TOOLS) return JF_ABSENT;
    schema_write(&it->binding, &out);
    if (out.failed) {
        text_free(&out);
        return jf_fault_set(why, JF_E_BUSY, 0, "tools-native: out of memory");
    }
    *items = (jf_blob){out.bytes, out.length, out.bytes, free};
    return JF_OK;
}

/** A result that is there now. Takes `out`. */
static int32_t give(text *out, jf_blob *result, jf_fault *why) {
    if (out->failed) {
        text_free(out);
        return jf_fault_set(why, JF_E_BUSY, 0, "tools-native: out of memory");
    }
    *result = (jf_blob){out->bytes, out->length, out->bytes, free};
    return JF_OK;
}

/** On a thread: the frame must outlive this call. */
static int32_t call_later(set *it, const bound_tool *tool, const jf_request *request,
                          const json_value *arguments, jf_ref op, jf_blob *result, jf_fault *why) {
    char words[WHY_SIZE] = "";
    job *work = job_make();
    if (work == NULL) return jf_fault_set(why, JF_E_BUSY, 0, "tools-native: out of memory");
    if (!frame_make(job_frame(work), &it->binding, tool, arguments, request->principal.ptr,
                    request->principal.len, words)) {
        text out = {0};
        job_free(work);
        answer_failure(&out, words);
        return give(&out, result, why);
    }
    int32_t status = job_keep(work) ? workers_run(it->workers, work, op) : JF_E_BUSY;
    if (status == JF_PENDING) return status;
    job_free(work);
    why->retry_ms = 100;
    return jf_fault_set(why, JF_E_BUSY, JF_FAULT_PUBLIC | JF_FAULT_NOT_STARTED,
                        "too many calls wait for this library");
}

static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    static const char none[] = "{}";
    set *it = find_set(self, request->set);
    if (it == NULL) return jf_fault_set(why, JF_E_STALE, 0, "tools-native: no such set");
    const bound_tool *tool = binding_find(&it->binding, (const char *)request->name.ptr, request->name.len);
    if (tool == NULL) return jf_fault_set(why, JF_E_INVALID, JF_FAULT_PUBLIC, "no such tool");
    json_value arguments;
    jf_view given = request->arguments.ptr == NULL ? (jf_view){(const uint8_t *)none, 2} : request->arguments;
    if (!json_parse(given.ptr, given.len, &arguments))
        return jf_fault_set(why, JF_E_INVALID, JF_FAULT_PUBLIC, "the arguments are no JSON");
    if (tool->on_worker) return call_later(it, tool, request, &arguments, op, result, why);
    frame now;
    text out = {0};
    char words[WHY_SIZE] = "";
    if (!frame_make(&now, &it->binding, tool, &arguments, request->principal.ptr, request->principal.len,
                    words)) {
        frame_end(&now);
        answer_failure(&out, words);
        return give(&out, result, why);
    }
    frame_call(&now);
    bool answered = frame_answer(&now, &out, words);
    frame_end(&now);
    if (answered) return give(&out, result, why);
    text_free(&out);
    if (*words == 0) return jf_fault_set(why, JF_E_BUSY, 0, "tools-native: out of memory");
    say(self, JF_LOG_ERROR, words);
    return jf_fault_set(why, JF_E_FAULT, 0, "%s", words);
}

static const void *facet(jf_self *self, const char *id) {
    static const jf_toolset_1 toolset = {
        .size = sizeof toolset, .open = open_set, .close = close_set, .list = list_tools, .call = call};
    (void)self;
    return strcmp(id, JF_TOOLSET_1) == 0 ? &toolset : NULL;
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)config;
    const jf_ops_1 *ops = offer->service(offer->host, JF_OPS_1);
    const jf_log_1 *log = offer->service(offer->host, JF_LOG_1);
    if (!JF_HAS(ops, finish) || !JF_HAS(ops, state))
        return jf_fault_set(why, JF_E_UNSUPPORTED, 0, "tools-native needs jf.ops/1");
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL) return jf_fault_set(why, JF_E_BUSY, 0, "tools-native: out of memory");
    self->sinks = sinks_make(offer->service(offer->host, JF_CALLBACK_1));
    if (self->sinks == NULL) {
        free(self);
        return jf_fault_set(why, JF_E_BUSY, 0, "tools-native: out of memory");
    }
    self->ops = ops;
    self->log = JF_HAS(log, write) ? log : NULL;
    *out = self;
    return JF_OK;
}

static void stop(jf_self *self) {
    for (uint32_t i = 0; i < MOST_SETS; i++) {
        if (self->sets[i] != NULL) free_set(self, self->sets[i]);
        self->sets[i] = NULL;
    }
}

static void destroy(jf_self *self) {
    stop(self);
    sinks_end(self->sinks);
    free(self);
}

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin plugin = {.size = sizeof plugin,
                                     .minor = JF_ABI_MINOR,
                                     .create = create,
                                     .destroy = destroy,
                                     .facet = facet,
                                     .stop = stop};
    (void)offer, (void)why;
    return &plugin;
}
