/* SPDX-License-Identifier: Apache-2.0
 * Views and tables in pages of their own, so that a wrong access is a fault that can be explained. */
#include "check.h"
#include <sys/mman.h>

#define PAGE 4096u
#define MOST 8192

/** One lent thing: an unreadable page, the bytes at the end of theirs, an unreadable page. */
typedef struct lease {
    const char *what;
    uint8_t *start, *data;
    uint64_t length, mapped; /**< of the bytes; of everything */
    bool is_table, is_over;
} lease;

static lease leases[MOST];
static uint32_t lease_count, returned_count;
/** Each thread's own: guards are for one thread at a time. */
static _Thread_local mock_list copies;

/* When all are in use, the oldest view makes room; the kernel allows some 65000 mappings. */
static lease *next_lease(void) {
    lease *it = &leases[lease_count++ % MOST];
    while (it->is_table)
        it = &leases[lease_count++ % MOST];
    if (it->start != NULL) munmap(it->start, it->mapped);
    return it;
}

static lease *map(const char *what, const void *bytes, uint64_t length, uint64_t alignment) {
    uint64_t room = (length + alignment + PAGE - 1) / PAGE * PAGE;
    uint64_t mapped = room + 2 * PAGE;
    uint8_t *start = mmap(NULL, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED || mprotect(start + PAGE, room, PROT_READ | PROT_WRITE) != 0) abort();
    uint8_t *data = start + PAGE + room - (length + alignment - 1) / alignment * alignment;
    if (length > 0) memcpy(data, bytes, length);
    mprotect(start + PAGE, room, PROT_READ);
    lease *it = next_lease();
    *it = (lease){.what = what, .start = start, .data = data, .length = length, .mapped = mapped};
    return it;
}

jf_view check_lend(check *c, const char *what, const void *bytes, uint64_t length) {
    if (bytes == NULL) return (jf_view){NULL, 0};
    if (c->guarded) return (jf_view){map(what, bytes, length, 1)->data, length};
    uint8_t *copy = mock_allocate(length + 1);
    if (length > 0) memcpy(copy, bytes, length);
    mock_push(&copies, copy);
    return (jf_view){copy, length};
}

jf_view check_lend_text(check *c, const char *what, const char *text) {
    return check_lend(c, what, text, text != NULL ? strlen(text) : 0);
}

void check_return(check *c) {
    /* Without guards a kept view still points to what it did: another case tells. */
    if (c->guarded) {
        for (; returned_count < lease_count; returned_count++) {
            lease *it = &leases[returned_count % MOST];
            if (it->is_table) continue;
            it->is_over = true;
            mprotect(it->start, it->mapped, PROT_NONE);
        }
        return;
    }
    if (copies.count >= 4096) check_forget();
}

void check_forget(void) {
    for (uint32_t i = 0; i < copies.count; i++)
        free(copies.items[i]);
    copies.count = 0;
}

const void *check_cut_table(const char *what, const void *table, uint32_t size) {
    lease *it = map(what, table, size, 8);
    it->is_table = true;
    return it->data;
}

static size_t append(char *text, size_t size, size_t at, const char *part) {
    while (*part != 0 && at + 1 < size)
        text[at++] = *part++;
    text[at] = 0;
    return at;
}

const char *check_explain_fault(const void *address, bool is_write, char *text, size_t size) {
    const uint8_t *at = address;
    uint32_t count = lease_count < MOST ? lease_count : MOST;
    for (uint32_t i = 0; i < count; i++) {
        const lease *it = &leases[i];
        if (at < it->start || at >= it->start + it->mapped) continue;
        size_t end = append(text, size, 0, is_write ? "it writes " : "it reads ");
        if (it->is_over)
            end = append(text, size, end, "a borrowed view after the call that lent it: ");
        else if (at >= it->data + it->length)
            end = append(text, size, end,
                         it->is_table ? "beyond the declared `size` of " : "behind the end of ");
        else if (at < it->data)
            end = append(text, size, end, "before the start of ");
        else
            end = append(text, size, end, is_write ? "into " : "");
        append(text, size, end, it->what);
        return text;
    }
    return NULL;
}
