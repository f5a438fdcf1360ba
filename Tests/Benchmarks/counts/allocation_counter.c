/* SPDX-License-Identifier: Apache-2.0
 * Preloaded library: counts a process's heap allocations in a file that it shares with whoever reads it.
 *
 * BENCH_ALLOCATIONS names the file: `struct counters`, little-endian, up to date at every moment. The
 * variables are removed from the environment, so that children are not counted. glibc only: its own entry
 * points are called directly, which needs no symbol look-up that would itself allocate. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *memory);

#define COUNTED __attribute__((visibility("default")))

struct counters {
    _Atomic uint64_t malloc, calloc, realloc, aligned, free, bytes;
};

static struct counters before_start; /* until the file is mapped */
static struct counters *counters = &before_start;

static void count(_Atomic uint64_t *which, size_t size) {
    atomic_fetch_add_explicit(which, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&counters->bytes, size, memory_order_relaxed);
}

__attribute__((constructor)) static void map_file(void) {
    const char *path = getenv("BENCH_ALLOCATIONS");
    int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd < 0) return;
    if (ftruncate(fd, sizeof(struct counters)) == 0) {
        void *shared = mmap(NULL, sizeof(struct counters), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (shared != MAP_FAILED) counters = shared;
    }
    close(fd);
    unsetenv("LD_PRELOAD");
    unsetenv("BENCH_ALLOCATIONS");
}

COUNTED void *malloc(size_t size) {
    count(&counters->malloc, size);
    return __libc_malloc(size);
}

COUNTED void *calloc(size_t number, size_t size) {
    count(&counters->calloc, number * size);
    return __libc_calloc(number, size);
}

COUNTED void *realloc(void *memory, size_t size) {
    count(&counters->realloc, size);
    return __libc_realloc(memory, size);
}

COUNTED void *aligned_alloc(size_t alignment, size_t size) {
    count(&counters->aligned, size);
    return __libc_memalign(alignment, size);
}

COUNTED void *memalign(size_t alignment, size_t size) {
    count(&counters->aligned, size);
    return __libc_memalign(alignment, size);
}

COUNTED int posix_memalign(void **memory, size_t alignment, size_t size) {
    if (alignment % sizeof(void *) || (alignment & (alignment - 1)) || !alignment) return EINVAL;
    count(&counters->aligned, size);
    void *made = __libc_memalign(alignment, size);
    if (!made) return ENOMEM;
    *memory = made;
    return 0;
}

COUNTED void free(void *memory) {
    if (memory) count(&counters->free, 0);
    __libc_free(memory);
}
