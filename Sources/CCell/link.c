/* SPDX-License-Identifier: Apache-2.0
 * Sending and receiving packets on the socket, and the handle map. */
#define _GNU_SOURCE
#include "link.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Asked for; the kernel caps it at net.core.wmem_max, of which the default still holds one whole packet. */
#define SOCKET_BUFFER (1 << 20)

uint64_t cell_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void cell_link_open(cell_link *link, int fd) {
    int size = SOCKET_BUFFER;
    memset(link, 0, sizeof *link);
    link->fd = fd;
    link->last = &link->first;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

void cell_link_close(cell_link *link) {
    if (link->fd >= 0) close(link->fd);
    link->fd = -1;
    cell_writer_clear(&link->batch);
    while (link->first != NULL) {
        cell_outgoing *it = link->first;
        link->first = it->next;
        cell_writer_clear(&it->packet);
        free(it);
    }
    link->last = &link->first;
    link->queued = 0;
    link->is_broken = true;
}

/* Moves the batch to the end of the queue. */
static bool close_batch(cell_link *link) {
    cell_outgoing *it = calloc(1, sizeof *it);
    if (it == NULL) return false;
    it->packet = link->batch;
    link->batch = (cell_writer){0};
    *link->last = it;
    link->last = &it->next;
    return true;
}

cell_writer *cell_link_writer(cell_link *link) {
    if (cell_writer_full(&link->batch) && !close_batch(link)) return NULL;
    return &link->batch;
}

bool cell_link_end(cell_link *link, cell_writer *writer) {
    if (!cell_end(writer)) return false;
    link->frames_out++;
    link->queued += cell_frame_weight(writer);
    return true;
}

/* 1: sent; 0: no room now; -1: the other end is gone. */
static int send_packet(cell_link *link, const cell_writer *packet) {
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int) * CELL_PACKET_BODIES)];
    } control;
    struct iovec bytes = {packet->bytes, packet->used};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};
    if (packet->fd_count > 0) {
        size_t size = sizeof(int) * packet->fd_count;
        memset(&control, 0, sizeof control);
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(size);
        memcpy(CMSG_DATA(&control.head), packet->fds, size);
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(size);
    }
    for (;;) {
        if (sendmsg(link->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return 1;
        if (errno == EINTR) continue;
        /* ETOOMANYREFS: the bound on descriptors in flight; it passes as the other side reads. */
        if (errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS) return 0;
        return -1;
    }
}

static void sent(cell_link *link, cell_writer *packet) {
    link->bytes_out += packet->used + packet->body_bytes;
    link->queued -= packet->used + packet->body_bytes;
    for (uint32_t i = 0; i < packet->fd_count; i++)
        close(packet->fds[i]);
    if (packet->is_secret) explicit_bzero(packet->bytes, packet->used);
    packet->is_secret = false;
    packet->fd_count = packet->frame_fds = 0;
    packet->used = packet->frame = 0;
    packet->body_bytes = 0;
}

bool cell_link_flush(cell_link *link) {
    link->is_blocked = false;
    while (!link->is_broken && link->first != NULL) {
        cell_outgoing *it = link->first;
        int result = send_packet(link, &it->packet);
        if (result < 0) link->is_broken = true;
        if (result == 0) link->is_blocked = true;
        if (result <= 0) return !link->is_broken;
        sent(link, &it->packet);
        link->first = it->next;
        if (link->first == NULL) link->last = &link->first;
        cell_writer_clear(&it->packet);
        free(it);
    }
    if (link->is_broken || link->batch.used == 0) return !link->is_broken;
    int result = send_packet(link, &link->batch);
    if (result > 0) {
        sent(link, &link->batch); /* its memory is kept for the next one */
        return true;
    }
    if (result < 0) link->is_broken = true;
    link->is_blocked = result == 0;
    return !link->is_broken;
}

int cell_link_receive(cell_link *link, cell_packet *packet, const char **bad) {
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int) * CELL_PACKET_BODIES)];
    } control;
    struct iovec bytes = {packet->bytes, CELL_PACKET_MOST};
    struct msghdr message = {
        .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    cell_packet_reset(packet);
    *bad = NULL;
    ssize_t count;
    do
        count = recvmsg(link->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (count < 0 && errno == EINTR);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return CELL_NOTHING;
    if (count <= 0) return CELL_END;
    if (message.msg_flags & MSG_TRUNC) *bad = "a packet that is too long";
    if (message.msg_flags & MSG_CTRUNC) *bad = "a packet with too many descriptors";
    for (struct cmsghdr *it = CMSG_FIRSTHDR(&message); it != NULL; it = CMSG_NXTHDR(&message, it)) {
        if (it->cmsg_level != SOL_SOCKET || it->cmsg_type != SCM_RIGHTS) continue;
        size_t fds = (it->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < fds; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(it) + i * sizeof fd, sizeof fd);
            if (*bad != NULL || packet->body_count == CELL_PACKET_BODIES) {
                close(fd);
                if (*bad == NULL) *bad = "a packet with too many descriptors";
                continue;
            }
            *bad = cell_body_map(fd, &packet->bodies[packet->body_count]);
            if (*bad == NULL) packet->body_count++;
        }
    }
    if (*bad != NULL) return CELL_BAD;
    packet->used = (uint32_t)count;
    memset(packet->bytes + count, 0, CELL_PADDING);
    return CELL_RECEIVED;
}

bool cell_link_wait(cell_link *link, bool out, uint64_t until_ns, uint64_t spin_ns) {
    struct pollfd watched = {.fd = link->fd, .events = (short)(out ? POLLIN | POLLOUT : POLLIN)};
    uint64_t now = cell_clock(), spin_end = now + spin_ns;
    for (;;) {
        uint64_t left = until_ns > now ? until_ns - now : 0;
        bool spinning = now < spin_end && left > 0;
        struct timespec wait = {(time_t)(left / 1000000000u), (long)(left % 1000000000u)};
        if (spinning) wait = (struct timespec){0, 0};
        int ready = ppoll(&watched, 1, &wait, NULL);
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return false;
        now = cell_clock();
        if (now >= until_ns) return false;
    }
}

/* ---- The map ---- */

static uint32_t slot_of(const cell_map *map, uint64_t key) {
    key *= 0x9e3779b97f4a7c15u; /* Fibonacci hashing */
    return (uint32_t)(key >> 32) & (map->capacity - 1);
}

static uint32_t find(const cell_map *map, uint64_t key) {
    uint32_t at = slot_of(map, key);
    while (map->entries[at].key != 0 && map->entries[at].key != key)
        at = (at + 1) & (map->capacity - 1);
    return at;
}

static bool grow(cell_map *map) {
    cell_map larger = {.capacity = map->capacity == 0 ? 16 : map->capacity * 2};
    larger.entries = calloc(larger.capacity, sizeof *larger.entries);
    if (larger.entries == NULL) return false;
    for (uint32_t i = 0; i < map->capacity; i++) {
        if (map->entries[i].key == 0) continue;
        larger.entries[find(&larger, map->entries[i].key)] = map->entries[i];
        larger.count++;
    }
    free(map->entries);
    *map = larger;
    return true;
}

bool cell_map_put(cell_map *map, uint64_t key, uint64_t value) {
    if (key == 0) return false;
    if (map->count * 2 >= map->capacity && !grow(map)) return false;
    cell_map_entry *entry = &map->entries[find(map, key)];
    if (entry->key == 0) map->count++;
    *entry = (cell_map_entry){key, value};
    return true;
}

bool cell_map_get(const cell_map *map, uint64_t key, uint64_t *value) {
    if (map->count == 0 || key == 0) return false;
    const cell_map_entry *entry = &map->entries[find(map, key)];
    if (entry->key == 0) return false;
    if (value != NULL) *value = entry->value;
    return true;
}

bool cell_map_remove(cell_map *map, uint64_t key, uint64_t *value) {
    if (!cell_map_get(map, key, value)) return false;
    uint32_t at = find(map, key), next = at;
    map->count--;
    for (;;) { /* what stood behind it and may come forward does */
        map->entries[at].key = 0;
        uint32_t home;
        do {
            next = (next + 1) & (map->capacity - 1);
            if (map->entries[next].key == 0) return true;
            home = slot_of(map, map->entries[next].key);
        } while (at <= next ? home > at && home <= next : home > at || home <= next);
        map->entries[at] = map->entries[next];
        at = next;
    }
}

bool cell_map_next(const cell_map *map, uint32_t *at, cell_map_entry *entry) {
    while (*at < map->capacity) {
        *entry = map->entries[(*at)++];
        if (entry->key != 0) return true;
    }
    return false;
}

void cell_map_clear(cell_map *map) {
    free(map->entries);
    *map = (cell_map){0};
}
