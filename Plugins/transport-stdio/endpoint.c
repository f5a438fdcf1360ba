/* SPDX-License-Identifier: Apache-2.0
 * Takes over standard input and output. Others may share their open file descriptions (a shell, a parent), so
 * O_NONBLOCK goes to a description of our own where the kernel can make one. */
#define _GNU_SOURCE
#include "endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/** A description of our own for a pipe or terminal; -1 where that is impossible or forbidden. */
static int reopen(int number, const struct stat *about) {
    char path[32];
    if (!S_ISFIFO(about->st_mode) && !S_ISCHR(about->st_mode)) return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", number);
    return open(path, (number == 0 ? O_RDONLY : O_WRONLY) | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

/** Puts something harmless in the place of the stream. */
static bool replace(int number) {
    int harmless = number == 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC) : fcntl(2, F_DUPFD_CLOEXEC, 3);
    bool done;
    if (harmless < 0) harmless = open("/dev/null", O_RDWR | O_CLOEXEC);
    done = harmless >= 0 && dup2(harmless, number) == number;
    if (harmless >= 0 && harmless != number) close(harmless);
    return done;
}

int endpoint_take(endpoint *self, int number) {
    struct stat about;
    int error;
    *self = (endpoint){.number = number, .fd = -1, .kept = -1, .flags = -1};
    if (fstat(number, &about) != 0) return errno;
    self->file = S_ISREG(about.st_mode) || S_ISCHR(about.st_mode);
    if ((self->kept = fcntl(number, F_DUPFD_CLOEXEC, 3)) < 0) return errno;
    if ((self->fd = reopen(number, &about)) < 0) {
        self->fd = fcntl(number, F_DUPFD_CLOEXEC, 3);
        self->flags = self->fd < 0 || S_ISREG(about.st_mode) ? -1 : fcntl(self->fd, F_GETFL);
        if (self->fd < 0 || (self->flags >= 0 && fcntl(self->fd, F_SETFL, self->flags | O_NONBLOCK) != 0))
            goto failed;
    }
    if (replace(number)) return 0;
failed:
    error = errno;
    endpoint_restore(self);
    return error;
}

void endpoint_restore(endpoint *self) {
    if (self->kept >= 0) {
        if (self->flags >= 0) (void)fcntl(self->kept, F_SETFL, self->flags);
        (void)dup2(self->kept, self->number);
        close(self->kept);
    }
    if (self->fd >= 0) close(self->fd);
    self->fd = self->kept = self->flags = -1;
}
