/* SPDX-License-Identifier: Apache-2.0
 * A file that is read again when it changes. A look is one stat(2); reading happens on the lane, too, since
 * such files are small. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static const uint64_t every = 1000000000u;

static bool same(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int32_t read_open(struct au_file *file, int fd, jf_fault *why) {
    struct stat now;
    if (fstat(fd, &now) != 0 || !S_ISREG(now.st_mode) || now.st_size > AU_FILE_MOST)
        return au_refuse(why, JF_E_INVALID, "%s is no file of at most 1 MiB", file->path);
    file->seen = now;
    uint64_t size = (uint64_t)now.st_size, length = 0;
    uint8_t *text = malloc(size + 1);
    if (text == NULL) return au_refuse(why, JF_E_FAULT, "out of memory for %s", file->path);
    while (length < size) {
        ssize_t got = read(fd, text + length, size - length);
        if (got == 0 || (got < 0 && errno != EINTR)) break;
        if (got > 0) length += (uint64_t)got;
    }
    int32_t status = file->take(file, (jf_view){text, length}, why);
    explicit_bzero(text, size);
    free(text);
    return status;
}

static int32_t read_file(struct au_file *file, jf_fault *why) {
    int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return au_refuse(why, JF_E_INVALID, "%s: %s", file->path, strerror(errno));
    int32_t status = read_open(file, fd, why);
    close(fd);
    return status;
}

static void look(void *user);

static void look_later(struct au_file *file) {
    const jf_loop_1 *loop = file->provider->host->loop;
    if (loop->timer(loop->context, every, look, file, &file->timer) == JF_OK) return;
    file->timer = 0;
    au_log(file->provider, JF_LOG_ERROR, "no timer: changes of %s will not be seen", file->path);
}

static void look(void *user) {
    struct au_file *file = user;
    struct stat now;
    file->timer = 0;
    bool gone = stat(file->path, &now) != 0;
    bool changed = gone ? !file->gone : file->gone || !same(&now, &file->seen);
    file->gone = gone;
    if (!gone) file->seen = now;
    if (changed) {
        jf_fault why = {.size = sizeof(why)};
        if (read_file(file, &why) == JF_OK)
            au_log(file->provider, JF_LOG_INFO, "%s was read again", file->path);
        else
            au_log(file->provider, JF_LOG_ERROR, "%.*s; what was read before still holds", (int)why.text_len,
                   why.text);
    }
    look_later(file);
}

void au_file_open(struct au_file *file, struct au_options *options) {
    jf_fault why = {.size = sizeof(why)};
    if (options->status != JF_OK) return;
    int32_t status = read_file(file, &why);
    if (status != JF_OK) {
        if (options->why != NULL) *options->why = why;
        options->status = status;
        return;
    }
    if ((file->seen.st_mode & 022) != 0)
        au_log(file->provider, JF_LOG_WARNING, "%s can be changed by others than its owner: chmod go-w it",
               file->path);
    look_later(file);
}

void au_file_close(struct au_file *file) {
    if (file->provider == NULL || file->timer == 0) return;
    const jf_loop_1 *loop = file->provider->host->loop;
    loop->cancel(loop->context, file->timer);
    file->timer = 0;
}
