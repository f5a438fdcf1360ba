/* SPDX-License-Identifier: Apache-2.0
 * Proxy: descriptions and their tables. A jf_plugin's `create` gets no pointer of ours, so each table has a
 * function of its own, which knows its place by number. */
#define _GNU_SOURCE
#include "proxy_kind.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KINDS 256

static proxy_kind kinds[KINDS];
static pthread_mutex_t kinds_lock = PTHREAD_MUTEX_INITIALIZER;

#define CREATE(n)                                                                                            \
    static int32_t create_##n(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {         \
        return proxy_create(&kinds[0x##n], offer, config, out, why);                                         \
    }
#define ROW(macro, h)                                                                                        \
    macro(h##0) macro(h##1) macro(h##2) macro(h##3) macro(h##4) macro(h##5) macro(h##6) macro(h##7)          \
        macro(h##8) macro(h##9) macro(h##a) macro(h##b) macro(h##c) macro(h##d) macro(h##e) macro(h##f)
#define ROWS(macro)                                                                                          \
    ROW(macro, 0)                                                                                            \
    ROW(macro, 1)                                                                                            \
    ROW(macro, 2)                                                                                            \
    ROW(macro, 3)                                                                                            \
    ROW(macro, 4)                                                                                            \
    ROW(macro, 5)                                                                                            \
    ROW(macro, 6)                                                                                            \
    ROW(macro, 7)                                                                                            \
    ROW(macro, 8)                                                                                            \
    ROW(macro, 9) ROW(macro, a) ROW(macro, b) ROW(macro, c) ROW(macro, d) ROW(macro, e) ROW(macro, f)

ROWS(CREATE)

typedef int32_t (*create_fn)(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why);
#define NAME(n) create_##n,
static const create_fn creates[KINDS] = {ROWS(NAME)};

/* ---- Copies ---- */

static char *copy_text(const char *text, bool *good) {
    char *copy = text != NULL ? strdup(text) : NULL;
    if (text != NULL && copy == NULL) *good = false;
    return copy;
}

static char **copy_list(const char *const *list, bool *good) {
    size_t count = 0;
    while (list != NULL && list[count] != NULL)
        count++;
    char **copy = list != NULL ? calloc(count + 1, sizeof *copy) : NULL;
    if (list != NULL && copy == NULL) *good = false;
    for (size_t i = 0; copy != NULL && i < count; i++)
        copy[i] = copy_text(list[i], good);
    return copy;
}

static void free_list(char **list) {
    for (size_t i = 0; list != NULL && list[i] != NULL; i++)
        free(list[i]);
    free(list);
}

/* What a program commonly needs and what says nothing about the gateway. */
static char **plain_environment(bool *good) {
    static const char *const names[] = {
        "PATH=", "HOME=", "USER=", "LOGNAME=", "SHELL=", "LANG=", "LC_", "TZ=", "TMPDIR="};
    const char *kept[64];
    size_t count = 0;
    for (char **at = environ; at != NULL && *at != NULL && count < 63; at++) {
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            if (strncmp(*at, names[i], strlen(names[i])) != 0) continue;
            kept[count++] = *at;
            break;
        }
    }
    kept[count] = NULL;
    return copy_list(kept, good);
}

static void free_kind(proxy_kind *kind) {
    jf_cell_spawn *spawn = &kind->spawn;
    const char *texts[] = {spawn->cell,   spawn->library,  spawn->name,
                           spawn->facets, spawn->services, spawn->state_dir};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free((void *)(uintptr_t)texts[i]);
    free_list((char **)(uintptr_t)spawn->readable);
    free_list((char **)(uintptr_t)spawn->writable);
    free_list((char **)(uintptr_t)spawn->beside);
    free_list(kind->environment);
    memset(kind, 0, sizeof *kind);
}

static void fill_limits(jf_cell_limits *limits) {
#define DEFAULT(field, value)                                                                                \
    if (limits->field == 0) limits->field = (value)
    DEFAULT(memory, 1ull << 30);
    DEFAULT(address_space, 16ull << 30);
    DEFAULT(files, 1024);
    DEFAULT(queue, 8ull << 20);
    DEFAULT(operations, 1024);
    DEFAULT(workers, 8);
    DEFAULT(control_ms, 5000);
    DEFAULT(pick_us, 5000);
    DEFAULT(spin_us, 25);
    DEFAULT(heartbeat_ms, 1000);
    DEFAULT(hang_ms, 10000);
    DEFAULT(backoff_ms, 100);
    DEFAULT(backoff_most_ms, 10000);
    DEFAULT(crashes, 5);
    DEFAULT(crash_window_s, 300);
    DEFAULT(flood_frames, 100000);
    DEFAULT(flood_bytes, 512ull << 20);
    DEFAULT(flood_kill_ms, 3000);
    DEFAULT(stderr_lines, 100);
#undef DEFAULT
    if (limits->flood_frames < 10) limits->flood_frames = 10;
    if (limits->flood_bytes < CELL_PACKET_MOST * 10ull) limits->flood_bytes = CELL_PACKET_MOST * 10ull;
    if (limits->workers > 256) limits->workers = 256;
    if (limits->crashes > 64) limits->crashes = 64;
}

const jf_plugin *jf_cell_plugin(const jf_cell_spawn *given, const char **why) {
    const uint32_t flags =
        JF_CELL_PROCESSES | JF_CELL_NETWORK | JF_CELL_ALL_FILES | JF_CELL_JIT | JF_CELL_NO_SECCOMP;
    const char *wrong = NULL;
    jf_cell_spawn spawn;
    cell_attach(&spawn, sizeof spawn, given);
    if (spawn.cell == NULL || spawn.library == NULL || spawn.name == NULL || spawn.facets == NULL)
        wrong = "a cell needs the paths of its executable and library, a name and its facets";
    else if (spawn.library[0] != '/')
        wrong = "the path of a cell's library must be absolute";
    else if ((spawn.flags & ~flags) != 0 || spawn.threads > JF_CELL_CONCURRENT || spawn.reserved != 0)
        wrong = "a cell's flags or threads are unknown";
    size_t beside = 0;
    while (wrong == NULL && spawn.beside != NULL && spawn.beside[beside] != NULL)
        beside++;
    if (beside % 2 != 0 || beside > 2 * JF_CELL_BESIDE)
        wrong = "a cell's list of plugins beside has no configuration for one, or is too long";
    proxy_kind *kind = NULL;
    pthread_mutex_lock(&kinds_lock);
    for (size_t i = 0; wrong == NULL && i < KINDS && kind == NULL; i++)
        if (!kinds[i].used) kind = &kinds[i];
    if (wrong == NULL && kind == NULL) wrong = "there are 256 descriptions of cells already";
    if (wrong == NULL) {
        bool good = true;
        kind->used = true;
        kind->instances = 0;
        kind->spawn = spawn;
        kind->spawn.cell = copy_text(spawn.cell, &good);
        kind->spawn.library = copy_text(spawn.library, &good);
        kind->spawn.name = copy_text(spawn.name, &good);
        kind->spawn.facets = copy_text(spawn.facets, &good);
        kind->spawn.services = copy_text(spawn.services, &good);
        kind->spawn.state_dir = copy_text(spawn.state_dir, &good);
        kind->spawn.readable = (const char *const *)(uintptr_t)copy_list(spawn.readable, &good);
        kind->spawn.writable = (const char *const *)(uintptr_t)copy_list(spawn.writable, &good);
        kind->spawn.beside = (const char *const *)(uintptr_t)copy_list(spawn.beside, &good);
        kind->spawn.environment = NULL;
        kind->environment =
            spawn.environment != NULL ? copy_list(spawn.environment, &good) : plain_environment(&good);
        fill_limits(&kind->spawn.limits);
        kind->table = proxy_plugin_table;
        kind->table.create = creates[kind - kinds];
        if (!good) {
            wrong = "out of memory";
            free_kind(kind);
        }
    }
    pthread_mutex_unlock(&kinds_lock);
    if (why != NULL) *why = wrong;
    return wrong == NULL ? &kind->table : NULL;
}

void jf_cell_forget(const jf_plugin *plugin) {
    pthread_mutex_lock(&kinds_lock);
    for (size_t i = 0; i < KINDS; i++)
        if (kinds[i].used && &kinds[i].table == plugin && kinds[i].instances == 0) free_kind(&kinds[i]);
    pthread_mutex_unlock(&kinds_lock);
}

void proxy_count_instance(proxy_kind *kind, bool more) {
    pthread_mutex_lock(&kinds_lock);
    if (more)
        kind->instances++;
    else
        kind->instances--;
    pthread_mutex_unlock(&kinds_lock);
}
