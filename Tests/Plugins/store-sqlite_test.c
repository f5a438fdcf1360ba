/* SPDX-License-Identifier: Apache-2.0
 * Tests of the plugin store-sqlite: the suite of all stores with a file, and what is a file's. */
#include "store/backend.h"
#include "store/suite.h"

#include <dlfcn.h>

static char folder[128];

static void begin_folder(void) {
    snprintf(folder, sizeof folder, "%s", make_folder("sqlite"));
}

static void end_folder(void) {
    remove_folder(folder);
}

static const char *path_of(const char *name) {
    static _Thread_local char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static const char *config_of(const char *name, const char *more) {
    static _Thread_local char text[512];
    snprintf(text, sizeof text, "{\"path\":\"%s/%s\",\"sweep_ms\":20,\"poll_ms\":20%s}", folder, name, more);
    return text;
}

static const char *config(void) {
    return config_of("store.db", "");
}

/* SQLite itself, to do what another program does. */
static struct {
    int (*open)(const char *, void **);
    int (*exec)(void *, const char *, int (*)(void *, int, char **, char **), void *, char **);
    int (*close)(void *);
} sqlite;

static bool load_sqlite(void) {
    void *library = dlopen("libsqlite3.so.0", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) return false;
    void *open = dlsym(library, "sqlite3_open"), *exec = dlsym(library, "sqlite3_exec"),
         *close = dlsym(library, "sqlite3_close");
    memcpy(&sqlite.open, &open, sizeof open);
    memcpy(&sqlite.exec, &exec, sizeof exec);
    memcpy(&sqlite.close, &close, sizeof close);
    return open != NULL && exec != NULL && close != NULL;
}

static int exec(const char *name, const char *sql) {
    void *db = NULL;
    int status = sqlite.open(path_of(name), &db);
    if (status == 0) status = sqlite.exec(db, sql, NULL, NULL, NULL);
    sqlite.close(db);
    return status;
}

TEST(refuses_bad_settings) {
    const char *const bad[] = {"{}",
                               "{\"path\":\"\"}",
                               "{\"path\":\"relative.db\"}",
                               "{\"path\":3}",
                               "{\"path\":\"/tmp/x\",\"synchronous\":\"maybe\"}",
                               "{\"path\":\"/tmp/x\",\"busy_ms\":0}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        jf_mock *mock = jf_mock_new();
        CHECK(jf_mock_load(mock, jf_check_plugin) == JF_OK, "load");
        CHECK(jf_mock_create(mock, bad[i]) == JF_E_INVALID, "%s is taken", bad[i]);
        end(mock);
    }
}

static void write_file(const char *name, const char *bytes, size_t length) {
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && write(fd, bytes, length) == (ssize_t)length, "cannot write %s", name);
    close(fd);
}

/* Starting says no, with a sentence that has `part`. */
static void refused(const char *name, const char *part) {
    jf_mock *mock = jf_mock_new();
    CHECK(jf_mock_load(mock, jf_check_plugin) == JF_OK && jf_mock_create(mock, config_of(name, "")) == JF_OK,
          "create");
    int32_t status = jf_mock_start(mock);
    CHECK(status == JF_E_FAULT || status == JF_E_GONE, "%s: %d", name, (int)status);
    CHECK(strstr(jf_mock_why(mock), part) != NULL, "%s: %s", name, jf_mock_why(mock));
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(refuses_files_that_are_not_its_own) {
    static char noise[8192];
    REQUIRE(load_sqlite(), "no libsqlite3.so.0");
    write_file(
        "text",
        "This is a letter to my aunt, and no database at all. It is long enough for a header of SQLite.\n",
        96);
    refused("text", "no SQLite database");
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char)(i * 31 >> 3);
    write_file("noise", noise, sizeof noise);
    refused("noise", "no SQLite database");
    CHECK(exec("foreign", "CREATE TABLE mine(x); INSERT INTO mine VALUES (1)") == 0, "no foreign file");
    refused("foreign", "another program");
    CHECK(exec("foreign", "SELECT x FROM mine") == 0, "the foreign file was changed");
    jf_mock *mock = begin_with(config_of("newer", ""));
    put(mock, "k", "v");
    end(mock);
    CHECK(exec("newer", "PRAGMA user_version = 2") == 0, "no version");
    refused("newer", "newer");
    refused("no/such/folder", "cannot be opened");
    CHECK(mkdir(path_of("folder"), 0700) == 0, "no folder");
    refused("folder", "cannot be opened");
    write_file("empty", "", 0);
    mock = begin_with(config_of("empty", ""));
    CHECK(put(mock, "k", "v").status == JF_OK, "an empty file is as good as none");
    end(mock);
}

TEST(refuses_damaged_files) {
    jf_mock *mock = begin_with(config_of("damaged", ""));
    char key[32];
    static uint8_t value[500];
    for (int i = 0; i < 300; i++) {
        snprintf(key, sizeof key, "key/%d", i);
        put_with(mock, view(key), bytes_of(value, sizeof value), 0, 0, 0);
    }
    end(mock);
    struct stat status;
    CHECK(stat(path_of("damaged"), &status) == 0 && status.st_size > 65536, "too small");
    CHECK((status.st_mode & 077) == 0, "others may read it: %o", (unsigned)status.st_mode);
    static char junk[4096];
    memset(junk, 0x5a, sizeof junk);
    int fd = open(path_of("damaged"), O_RDWR | O_CLOEXEC);
    for (int page = 3; page < 12; page++)
        CHECK(pwrite(fd, junk, sizeof junk, page * 4096) == sizeof junk, "write");
    close(fd);
    refused("damaged", "damaged");
    CHECK(truncate(path_of("damaged"), 8192 + 100) == 0, "truncate");
    refused("damaged", "damaged");
}

/* Keeps the file to itself until it is told to let go. */
static int hold_in_child(int gate) {
    char byte;
    void *db = NULL;
    if (!load_sqlite() || sqlite.open(path_of("held"), &db) != 0) return 1;
    int status = sqlite.exec(db, "BEGIN IMMEDIATE; UPDATE meta SET revision = revision", NULL, NULL, NULL);
    if (write(gate, status == 0 ? "h" : "x", 1) != 1 || read(gate, &byte, 1) < 0) return 1;
    sqlite.exec(db, "COMMIT", NULL, NULL, NULL);
    sqlite.close(db);
    return 0;
}

TEST(another_process_holds_the_file) {
    int gate[2];
    char byte = 0;
    jf_mock *mock = begin_with(config_of("held", ""));
    put(mock, "held", "1");
    end(mock);
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, gate) == 0, "no pair");
    pid_t child = in_child(hold_in_child, gate[1]);
    CHECK(read(gate[0], &byte, 1) == 1 && byte == 'h', "the file cannot be held");
    mock = begin_with(config_of("held", ",\"busy_ms\":100"));
    answer it = put(mock, "held", "2");
    CHECK(it.status == JF_E_TIMEOUT && (it.flags & JF_FAULT_NOT_STARTED), "%d: %s", (int)it.status, it.why);
    jf_ref ops[50];
    for (int i = 0; i < 50; i++) {
        jf_store_put one = {sizeof one, 0, 0, 0, view("held"), view("3")};
        ops[i] = i % 2 ? jf_mock_store_get(mock, view("held")) : jf_mock_store_put(mock, &one);
    }
    uint64_t began = now_ms();
    for (int i = 0; i < 50; i++) {
        int32_t status = result_of(mock, ops[i], false).status;
        CHECK(status == (i % 2 ? JF_OK : JF_E_TIMEOUT), "%d: %d", i, (int)status);
    }
    CHECK(now_ms() - began < 5000, "each waits for itself: %u ms", (unsigned)(now_ms() - began));
    CHECK(write(gate[0], "g", 1) == 1, "go");
    CHECK(wait_program(child) == 0, "the child");
    CHECK(put(mock, "held", "4").status == JF_OK, "does not recover");
    end(mock);
    close(gate[0]), close(gate[1]);
}

/* Writes until it is killed, and says what was answered. */
static int write_in_child(int pipe_end) {
    jf_mock *mock = begin_with(config_of("killed", ""));
    for (uint32_t i = 0;; i++) {
        char key[32];
        snprintf(key, sizeof key, "killed/%u", i);
        if (put(mock, key, key).status != JF_OK || add(mock, "killed", 1).status != JF_OK) return 1;
        if (write(pipe_end, &i, sizeof i) != sizeof i) return 1;
    }
}

TEST(killed_while_it_writes) {
    for (int round = 0; round < 3; round++) {
        int ends[2];
        uint32_t last = 0, number_of = 0;
        REQUIRE(pipe(ends) == 0, "no pipe");
        pid_t child = in_child(write_in_child, ends[1]);
        close(ends[1]);
        while (last < 100 && read(ends[0], &number_of, sizeof number_of) == sizeof number_of)
            last = number_of;
        kill_program(&child, SIGKILL);
        while (read(ends[0], &number_of, sizeof number_of) == sizeof number_of)
            last = number_of;
        close(ends[0]);
        jf_mock *mock = begin_with(config_of("killed", ""));
        for (uint32_t i = 0; i <= last; i++) {
            char key[32];
            snprintf(key, sizeof key, "killed/%u", i);
            CHECK(same(get(mock, view(key)).value, view(key)), "%s is lost", key);
        }
        CHECK(last >= 100 && number(add(mock, "killed", 0)) >= last, "the counter is behind");
        end(mock);
    }
}

TEST(a_file_that_is_moved_away) {
    char to[256];
    jf_mock *mock = begin_with(config_of("moved", ""));
    put(mock, "moved", "1");
    snprintf(to, sizeof to, "%s", path_of("moved-away"));
    CHECK(rename(path_of("moved"), to) == 0, "rename");
    jf_view k = view("moved");
    CHECK(until(mock, gone, &k, PATIENCE_MS), "still uses the old one");
    CHECK(put(mock, "moved", "2").status == JF_OK, "does not begin anew");
    CHECK(jf_mock_logged(mock, JF_LOG_WARNING, "moved away"), "no log record");
    end(mock);
    mock = begin_with(config_of("moved", ""));
    CHECK(same(get(mock, k).value, view("2")), "not in the new file");
    end(mock);
}

TEST(a_full_file_says_so) {
    jf_mock *mock = begin_with(config_of("full", ",\"max_bytes\":1048576"));
    static uint8_t value[40000];
    char key[32];
    answer it = {0};
    int count = 0;
    for (; count < 60; count++) {
        snprintf(key, sizeof key, "full/%d", count);
        it = put_with(mock, view(key), bytes_of(value, sizeof value), 0, 0, 0);
        if (it.status != JF_OK) break;
    }
    CHECK(it.status == JF_E_BUSY && (it.flags & JF_FAULT_NOT_STARTED) && count > 10, "%d: %d %s", count,
          (int)it.status, it.why);
    CHECK(get(mock, view("full/3")).status == JF_OK, "cannot be read any more");
    /* In one transaction with others: those are kept. */
    jf_store_put big = {sizeof big, 0, 0, 0, view("full/big"), bytes_of(value, sizeof value)};
    jf_store_put small = {sizeof small, 0, 0, 0, view("full/3"), view("s")};
    jf_ref ops[] = {jf_mock_store_put(mock, &big), jf_mock_store_put(mock, &small),
                    jf_mock_store_put(mock, &big)};
    CHECK(result_of(mock, ops[1], false).status == JF_OK, "a small one fails with the large ones");
    result_of(mock, ops[0], false), result_of(mock, ops[2], false);
    for (int i = 4; i < 10; i++) {
        snprintf(key, sizeof key, "full/%d", i);
        CHECK(remove_at(mock, view(key), 0).status == JF_OK, "cannot be removed");
    }
    CHECK(put_with(mock, view("full/new"), bytes_of(value, sizeof value), 0, 0, 0).status == JF_OK,
          "no room again");
    end(mock);
}

static int change_in_child(int gate) {
    char byte;
    if (read(gate, &byte, 1) < 0) return 1;
    jf_mock *mock = begin_with(config_of("watched", ""));
    int status = put(mock, "foreign/1", "x").status;
    jf_mock_free(mock);
    return status == JF_OK ? 0 : 1;
}

TEST(changes_by_other_processes_are_told) {
    int gate[2];
    REQUIRE(pipe(gate) == 0, "no pipe");
    pid_t child = in_child(change_in_child, gate[0]);
    jf_mock *mock = begin_with(config_of("watched", ""));
    jf_ref watch = jf_mock_store_watch(mock, view("foreign/"));
    REQUIRE(watch != 0 && live(mock, watch, "foreign/live"), "no watch");
    struct told it = {watch, jf_mock_mark(mock), "foreign/1", UINT64_MAX};
    CHECK(write(gate[1], "g", 1) == 1, "go");
    CHECK(until(mock, was_told, &it, PATIENCE_MS), "not told");
    CHECK(wait_program(child) == 0, "the child");
    close(gate[0]), close(gate[1]);
    end(mock);
}

TEST(the_queue_is_bounded) {
    jf_mock *mock = begin_with(config_of("bounded", ",\"max_in_flight\":10"));
    jf_ref ops[400];
    uint32_t busy = 0, done = 0;
    for (int i = 0; i < 400; i++)
        ops[i] = jf_mock_store_get(mock, view("k"));
    for (int i = 0; i < 400; i++) {
        answer it = result_of(mock, ops[i], false);
        busy += it.status == JF_E_BUSY && (it.flags & JF_FAULT_NOT_STARTED);
        done += it.status == JF_ABSENT;
    }
    CHECK(busy > 0 && done >= 10 && busy + done == 400, "%u busy, %u done", busy, done);
    end(mock);
}

int main(int argc, char **argv) {
    const rig it = {.begin = begin_folder, .end = end_folder, .config = config, .is_shared = true};
    return store_suite(&it, argc, argv);
}
