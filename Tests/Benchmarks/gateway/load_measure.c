/* SPDX-License-Identifier: Apache-2.0
 * The load driver's measures: latency histogram, processor time and memory of process trees from /proc. */
#include "load.h"

#include <dirent.h>
#include <math.h>
#include <unistd.h>

static unsigned bucket_of(uint64_t value) {
    if (value < 64) return (unsigned)value;
    unsigned shift = 63 - (unsigned)__builtin_clzll(value) - 6;
    return 64 * (shift + 1) + (unsigned)((value >> shift) & 63);
}

static double value_of(unsigned bucket) {
    if (bucket < 64) return bucket;
    unsigned shift = bucket / 64 - 1;
    return ldexp(64.5 + bucket % 64, (int)shift);
}

void histogram_add(histogram *h, double microseconds) {
    const unsigned last = sizeof h->count / sizeof *h->count - 1;
    unsigned bucket = bucket_of((uint64_t)(microseconds * 10)); // steps of 0.1 us at the fine end
    h->count[bucket > last ? last : bucket]++;
    h->total++;
    h->sum += microseconds;
    if (microseconds > h->max) h->max = microseconds;
}

double histogram_quantile(const histogram *h, double quantile) {
    double rank = quantile * (double)h->total;
    uint64_t seen = 0;
    for (unsigned i = 0; i < sizeof h->count / sizeof *h->count; i++) {
        seen += h->count[i];
        if (seen && (double)seen >= rank) return value_of(i) / 10;
    }
    return 0;
}

static size_t read_text(const char *path, char *text, size_t size) {
    FILE *file = fopen(path, "r");
    size_t len = file ? fread(text, 1, size - 1, file) : 0;
    if (file) fclose(file);
    text[len] = 0;
    return len;
}

/** Seconds of one process. The scheduler's own nanoseconds of its live threads, or the ticks of `stat` (which
 *  also count threads that ended) where they are larger or the kernel keeps no others. */
static double cpu_of(int pid) {
    char path[96], text[2048];
    double ticks = 0, fine = 0;
    unsigned long user, system;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    const char *after = read_text(path, text, sizeof text) ? strrchr(text, ')') : NULL;
    if (after &&
        sscanf(after + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) == 2) {
        ticks = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
    }
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *tasks = opendir(path);
    if (!tasks) return ticks;
    for (struct dirent *task; (task = readdir(tasks));) {
        unsigned long long nanoseconds;
        if (task->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/%d/task/%.20s/schedstat", pid, task->d_name);
        if (read_text(path, text, sizeof text) && sscanf(text, "%llu", &nanoseconds) == 1) {
            fine += (double)nanoseconds * 1e-9;
        }
    }
    closedir(tasks);
    return fine > ticks - 0.1 ? fine : ticks;
}

static double field_of(int pid, const char *file, const char *name) {
    char path[64], text[8192];
    double value = 0;
    snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
    read_text(path, text, sizeof text);
    const char *at = strstr(text, name);
    return at && sscanf(at + strlen(name), " %lf", &value) == 1 ? value : 0;
}

static void add_tree(usage *u, int pid, bool root, bool memory) {
    char path[96], text[4096];
    snprintf(path, sizeof path, "/proc/%d/comm", pid);
    if (!read_text(path, text, sizeof text)) return;
    bool server = !root && strncmp(text, "bench-backend", 13) == 0;
    *(server ? &u->child_cpu : &u->cpu) += cpu_of(pid);
    if (memory && !server) {
        u->rss += field_of(pid, "smaps_rollup", "Rss:");
        u->peak += field_of(pid, "status", "VmHWM:");
    }
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *tasks = opendir(path);
    if (!tasks) return;
    for (struct dirent *task; (task = readdir(tasks));) {
        if (task->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/%d/task/%.20s/children", pid, task->d_name);
        read_text(path, text, sizeof text);
        int child, used;
        for (const char *at = text; sscanf(at, "%d%n", &child, &used) == 1; at += used) {
            add_tree(u, child, false, memory);
        }
    }
    closedir(tasks);
}

usage usage_of(const int *roots, int count, bool memory) {
    usage u = {0};
    for (int i = 0; i < count; i++)
        add_tree(&u, roots[i], true, memory);
    return u;
}

double usage_machine(void) {
    char text[512];
    double user = 0, nice = 0, system = 0, idle, wait, hard = 0, soft = 0;
    read_text("/proc/stat", text, sizeof text);
    sscanf(text, "cpu %lf %lf %lf %lf %lf %lf %lf", &user, &nice, &system, &idle, &wait, &hard, &soft);
    return (user + nice + system + hard + soft) / (double)sysconf(_SC_CLK_TCK);
}
