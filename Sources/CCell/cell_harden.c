/* SPDX-License-Identifier: Apache-2.0
 * Cell: what is given up before the plugin is loaded: memory, descriptors, capabilities, files. The kernel's
 * headers of the build machine may be older than the kernel, so newer numbers stand here. */
#define _GNU_SOURCE
#include "cell.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* prctl(2), Linux 6.3: memory that was writable never becomes executable. */
#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif
#define MDWE_REFUSE_EXEC_GAIN 1ul

/* landlock(7) */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif
#define LANDLOCK_VERSION 1u
#define LANDLOCK_PATH 1
enum {
    FS_EXECUTE = 1 << 0,
    FS_WRITE_FILE = 1 << 1,
    FS_READ_FILE = 1 << 2,
    FS_READ_DIR = 1 << 3,
    FS_REFER = 1 << 13,
    FS_TRUNCATE = 1 << 14,
    FS_IOCTL_DEV = 1 << 15
};
/* Everything up to and including FS_MAKE_SYM exists since ABI 1. */
#define FS_ABI_1 ((1ull << 13) - 1)
#define FS_OF_FILES (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)
/* ABI 6: no signals and no abstract sockets to processes outside. */
#define SCOPE_ABSTRACT_SOCKETS 1ull
#define SCOPE_SIGNALS 2ull

typedef struct ruleset_attributes {
    uint64_t fs, net, scoped;
} ruleset_attributes;

typedef struct __attribute__((packed)) path_rule {
    uint64_t allowed;
    int32_t parent;
} path_rule;

/* A missing path is no failure: distributions differ. */
static void allow(int ruleset, const char *path, uint64_t rights) {
    struct stat status;
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) return;
    if (fstat(fd, &status) == 0) {
        path_rule rule = {S_ISDIR(status.st_mode) ? rights : rights & FS_OF_FILES, fd};
        if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_PATH, &rule, 0u) != 0)
            cell_note(JF_LOG_WARNING, "Landlock: %s stays closed: %s", path, strerror(errno));
    }
    close(fd);
}

/* The folder of a path, `up` levels above it. */
static void allow_above(int ruleset, const char *path, int up, const char *suffix, uint64_t rights) {
    char folder[4096];
    if (snprintf(folder, sizeof folder - 64, "%s", path) >= (int)sizeof folder - 64) return;
    for (; up > 0; up--) {
        char *slash = strrchr(folder, '/');
        if (slash == NULL || slash == folder) return;
        *slash = 0;
    }
    strcat(folder, suffix);
    allow(ruleset, folder, rights);
}

static const char *confine_files(void) {
    const cell_settings *it = &cell_here.settings;
    if (it->flags & JF_CELL_ALL_FILES) return NULL;
    long abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_VERSION);
    if (abi < 1) {
        cell_note(JF_LOG_WARNING,
                  "this kernel has no Landlock: the plugin can open every file that its user can");
        return NULL;
    }
    ruleset_attributes handled = {.fs = FS_ABI_1};
    if (abi >= 2) handled.fs |= FS_REFER;
    if (abi >= 3) handled.fs |= FS_TRUNCATE;
    if (abi >= 5) handled.fs |= FS_IOCTL_DEV;
    if (abi >= 6) handled.scoped = SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS;
    size_t size = abi >= 6 ? sizeof handled : abi >= 4 ? 16 : 8;
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, size, 0u);
    if (ruleset < 0) return "Landlock refuses its rules";
    uint64_t read = FS_READ_FILE | FS_READ_DIR, all = handled.fs & ~(uint64_t)FS_EXECUTE;
    if (it->flags & JF_CELL_PROCESSES) read |= FS_EXECUTE;
    static const char *const system_paths[] = {"/usr",
                                               "/lib",
                                               "/lib64",
                                               "/bin",
                                               "/sbin",
                                               "/opt",
                                               "/proc",
                                               "/sys/devices/system",
                                               "/run/systemd/resolve",
                                               "/run/resolvconf",
                                               "/var/lib/ca-certificates"};
    for (size_t i = 0; i < sizeof system_paths / sizeof system_paths[0]; i++)
        allow(ruleset, system_paths[i], read);
    /* Of /etc what libraries look into; root's keys and password hashes are no plugin's business. Programs
     * look into more than can be listed. */
    static const char *const settings[] = {"alternatives",
                                           "ca-certificates",
                                           "ca-certificates.conf",
                                           "gai.conf",
                                           "group",
                                           "host.conf",
                                           "hosts",
                                           "ld.so.cache",
                                           "ld.so.conf",
                                           "ld.so.conf.d",
                                           "locale.alias",
                                           "localtime",
                                           "mime.types",
                                           "nsswitch.conf",
                                           "os-release",
                                           "passwd",
                                           "pki",
                                           "protocols",
                                           "resolv.conf",
                                           "services",
                                           "ssl/certs",
                                           "ssl/cert.pem",
                                           "ssl/openssl.cnf",
                                           "timezone"};
    if (it->flags & JF_CELL_PROCESSES) allow(ruleset, "/etc", read);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        char path[64];
        snprintf(path, sizeof path, "/etc/%s", settings[i]);
        allow(ruleset, path, read);
    }
    static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random",
                                          "/dev/urandom"};
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++)
        allow(ruleset, devices[i], FS_READ_FILE | FS_WRITE_FILE);
    allow_above(ruleset, it->library, 1, "", read);
    char self[4096];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length > 0) {
        self[length] = 0;
        allow_above(ruleset, self, 2, "/lib", read); /* the runtime that Swift plugins share */
    }
    for (char **path = it->beside; path[0] != NULL && path[1] != NULL; path += 2)
        allow_above(ruleset, path[0], 1, "", read);
    if (it->state_dir != NULL) allow(ruleset, it->state_dir, all);
    for (char **path = it->readable; *path != NULL; path++)
        allow(ruleset, *path, read);
    for (char **path = it->writable; *path != NULL; path++)
        allow(ruleset, *path, all);
    long refused = syscall(SYS_landlock_restrict_self, ruleset, 0u);
    close(ruleset);
    return refused == 0 ? NULL : "Landlock refuses to start";
}

/* Also as root: without capabilities it is a user who owns root's files, and exec gives none back. */
static const char *drop_capabilities(void) {
    struct {
        uint32_t version;
        int32_t pid;
    } head = {0x20080522, 0}; /* _LINUX_CAPABILITY_VERSION_3 */
    struct {
        uint32_t effective, permitted, inheritable;
    } none[2] = {{0, 0, 0}, {0, 0, 0}};
    for (unsigned long capability = 0; capability < 64; capability++)
        if (prctl(PR_CAPBSET_DROP, capability, 0ul, 0ul, 0ul) != 0) break;
    return syscall(SYS_capset, &head, none) == 0 ? NULL : "its capabilities cannot be dropped";
}

/* 0, or what failed. A stricter hard limit that was set from outside is just as good. */
static bool limit(__rlimit_resource_t resource, uint64_t value) {
    struct rlimit wanted = {value, value}, now;
    if (getrlimit(resource, &now) == 0 && now.rlim_max < wanted.rlim_max)
        wanted.rlim_cur = wanted.rlim_max = now.rlim_max;
    return setrlimit(resource, &wanted) == 0;
}

const char *cell_harden(void) {
    const cell_settings *it = &cell_here.settings;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1ul, 0ul, 0ul, 0ul) != 0) return "no_new_privs is refused";
    if (prctl(PR_SET_DUMPABLE, 0ul, 0ul, 0ul, 0ul) != 0) return "its memory cannot be hidden";
    if (!limit(RLIMIT_CORE, 0) || !limit(RLIMIT_NOFILE, it->files)) return "its resource limits are refused";
    if (it->address_space != UINT64_MAX &&
        (!limit(RLIMIT_AS, it->address_space) || !limit(RLIMIT_DATA, it->memory)))
        return "its memory limits are refused";
    const char *failed = confine_files();
    if (failed == NULL) failed = drop_capabilities();
    if (failed != NULL) return failed;
    /* Programs that it starts inherit this, and some of them compile at run time. */
    if ((it->flags & (JF_CELL_JIT | JF_CELL_PROCESSES)) == 0)
        prctl(PR_SET_MDWE, MDWE_REFUSE_EXEC_GAIN, 0ul, 0ul, 0ul); /* older kernels: not there */
    if (it->flags & JF_CELL_NO_SECCOMP) return NULL;
    int error = cell_filter_calls(it->flags);
    if (error == ENOSYS || error == EINVAL) {
        cell_note(JF_LOG_WARNING,
                  "this kernel has no system call filters: the plugin may call all that its user may");
        return NULL;
    }
    return error == 0 ? NULL : "the system call filter is refused";
}
