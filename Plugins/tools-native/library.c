/* SPDX-License-Identifier: Apache-2.0
 * The library behind a declaration. */
#include "library.h"

#include "denied.h"
#include "sha256.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGEST ((off_t)1 << 30)

/** Opens `folder/name`; -1 when it is not there. `path` (4096 bytes) receives its name. */
static int try_folder(const char *folder, const char *name, char *path) {
    int length = snprintf(path, 4096, "%s/%s", folder, name);
    return length > 0 && length < 4096 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
}

/** Finds a soname where the dynamic linker looks by default. */
static int find_soname(const char *name, char *path) {
    static const char *const folders[] = {"/usr/local/lib", "/usr/local/lib/x86_64-linux-gnu",
                                          "/usr/local/lib/aarch64-linux-gnu"};
    Dl_info self;
    int file = -1;
    /* The paths that the linker would search for this plugin. */
    Dl_serinfo size, *all = NULL;
    void *image = dladdr((void *)(uintptr_t)&find_soname, &self) == 0
                      ? NULL
                      : dlopen(self.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
    if (image == NULL) image = dlopen(NULL, RTLD_LAZY);
    if (image != NULL && dlinfo(image, RTLD_DI_SERINFOSIZE, &size) == 0) all = malloc(size.dls_size);
    if (all != NULL) {
        all->dls_size = size.dls_size;
        all->dls_cnt = size.dls_cnt;
        if (dlinfo(image, RTLD_DI_SERINFOSIZE, all) == 0 && dlinfo(image, RTLD_DI_SERINFO, all) == 0)
            for (unsigned i = 0; file < 0 && i < all->dls_cnt; i++)
                file = try_folder(all->dls_serpath[i].dls_name, name, path);
        free(all);
    }
    if (image != NULL) dlclose(image);
    for (size_t i = 0; file < 0 && i < sizeof folders / sizeof *folders; i++)
        file = try_folder(folders[i], name, path);
    return file;
}

static bool hash_file(int file, char out[65]) {
    static const size_t part = 65536;
    uint8_t *buffer = malloc(part);
    sha256 hash;
    ssize_t got = -1;
    sha256_begin(&hash);
    if (buffer != NULL)
        while ((got = read(file, buffer, part)) > 0 || (got < 0 && errno == EINTR))
            if (got > 0) sha256_add(&hash, buffer, (size_t)got);
    sha256_end(&hash, out);
    free(buffer);
    return got == 0;
}

static bool same_file(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/** Compares the file with its pin; says the actual hash where they differ or there is no pin. */
static bool check_pin(library *out, const declaration *it, int file, problems *list) {
    if (!hash_file(file, out->sha256))
        return problem(list, it->library_at, "cannot read %s: %s", out->path, strerror(errno));
    if (it->sha256 == NULL && !it->unpinned)
        return problem(
            list, it->library_at,
            "%s is not pinned; if it is the one you mean, add sha256 = \"%s\" (or unpinned = true, to "
            "take whatever is there)",
            out->path, out->sha256);
    if (it->sha256 != NULL && strcmp(it->sha256, out->sha256) != 0)
        return problem(list, it->hash_at, "%s is not the pinned library: its sha256 is %s", out->path,
                       out->sha256);
    return true;
}

static bool check_file(const declaration *it, const char *path, const struct stat *info, problems *list) {
    if (!S_ISREG(info->st_mode)) return problem(list, it->library_at, "%s is no regular file", path);
    if (info->st_size > LARGEST) return problem(list, it->library_at, "%s is larger than 1 GiB", path);
    if ((info->st_mode & S_IWOTH) != 0)
        return problem(list, it->library_at, "everybody may write to %s: chmod o-w it first", path);
    return true;
}

bool library_open(library *out, const declaration *it, const char *folder, problems *list) {
    const char *name = it->library;
    struct stat before, after;
    memset(out, 0, sizeof *out);
    int file = -1;
    if (strchr(name, '/') == NULL)
        file = find_soname(name, out->path);
    else if (*name == '/')
        file = try_folder("", name + 1, out->path);
    else
        file = try_folder(folder, name, out->path);
    if (file < 0)
        return problem(list, it->library_at, "library '%.200s' was not found%s", name,
                       strchr(name, '/') == NULL ? " where the dynamic linker looks; give a path" : "");
    bool good = fstat(file, &before) == 0 && check_file(it, out->path, &before, list) &&
                check_pin(out, it, file, list);
    close(file);
    if (!good) return false;
    out->image = dlopen(out->path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (out->image == NULL) {
        const char *why = dlerror();
        return problem(list, it->library_at, "cannot load %s: %s", out->path, why == NULL ? "?" : why);
    }
    if (stat(out->path, &after) != 0 || !same_file(&before, &after))
        return problem(list, it->library_at, "%s changed while it was being loaded: try again", out->path);
    struct link_map *map = NULL;
    if (dlinfo(out->image, RTLD_DI_LINKMAP, &map) != 0 || map == NULL)
        return problem(list, it->library_at, "cannot find %s after loading it", out->path);
    out->base = (const void *)map->l_ld;
    return true;
}

/** What dl_iterate_phdr looks for. */
typedef struct search {
    uintptr_t address;
    const void *dynamic; /**< of the image that holds the address */
    bool executable;
} search;

static int look(struct dl_phdr_info *info, size_t size, void *user) {
    search *it = user;
    const void *dynamic = NULL;
    bool found = false;
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + part->p_vaddr;
        if (part->p_type == PT_DYNAMIC) dynamic = (const void *)start;
        if (part->p_type != PT_LOAD || it->address < start || it->address - start >= part->p_memsz) continue;
        found = true;
        it->executable = (part->p_flags & PF_X) != 0;
    }
    if (found) it->dynamic = dynamic;
    return found;
}

static native_fn as_function(void *address) {
    union {
        void *object;
        native_fn function;
    } it = {.object = address};
    return it.function;
}

/** A symbol of the image; `anywhere`: also of the libraries that it needs. */
static native_fn look_up(const library *it, const char *symbol, place at, problems *list, bool anywhere) {
    void *address = dlsym(it->image, symbol);
    if (address == NULL) {
        problem(list, at, "%s has no function '%.80s'", it->path, symbol);
        return NULL;
    }
    search where = {(uintptr_t)address, NULL, false};
    (void)dl_iterate_phdr(look, &where);
    if (!where.executable) {
        problem(list, at, "'%.80s' of %s is data, not a function", symbol, it->path);
        return NULL;
    }
    if (where.dynamic != it->base && !anywhere) {
        problem(list, at, "'%.80s' is not in %s but in a library that it needs: declare that one", symbol,
                it->path);
        return NULL;
    }
    for (unsigned i = 0; denied_at(i) != NULL; i++) {
        if (dlsym(RTLD_DEFAULT, denied_at(i)) != address) continue;
        problem(list, at, "'%.80s' is another name of '%s', which is not allowed as a tool", symbol,
                denied_at(i));
        return NULL;
    }
    return as_function(address);
}

native_fn library_function(const library *it, const char *symbol, place at, problems *list) {
    return look_up(it, symbol, at, list, false);
}

native_fn library_releaser(const library *it, const char *symbol, place at, problems *list) {
    return look_up(it, symbol, at, list, strcmp(symbol, "free") == 0);
}
