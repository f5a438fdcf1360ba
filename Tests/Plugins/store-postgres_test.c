/* SPDX-License-Identifier: Apache-2.0
 * Tests of the plugin store-postgres: the suite of all stores with a PostgreSQL of its own, and what is
 * PostgreSQL's. */
#include "store/backend.h"
#include "store/suite.h"

#include <glob.h>
#include <pwd.h>

/* Debian keeps the programs of each version apart. */
static const char *program(const char *name) {
    static _Thread_local char paths[4][160];
    static _Thread_local uint32_t turn;
    char *path = paths[turn++ % 4];
    char pattern[64];
    glob_t found = {0};
    snprintf(pattern, sizeof pattern, "/usr/lib/postgresql/*/bin/%s", name);
    bool is_there = glob(pattern, 0, NULL, &found) == 0 && found.gl_pathc > 0;
    snprintf(path, sizeof paths[0], "%s", is_there ? found.gl_pathv[found.gl_pathc - 1] : name);
    globfree(&found);
    return path;
}

static struct {
    char folder[128], data[160], output[160];
    uint16_t port;
    pid_t pid;
    uid_t user;
    gid_t group;
} postgres;

static void give_up(const char *text) {
    fprintf(stderr, "%s:\n", text);
    print_file(postgres.output);
    exit(1);
}

/* Runs SQL with psql as the superuser; the first line of what it prints. */
static const char *say(const char *sql) {
    static char line[256];
    char command[1024];
    snprintf(command, sizeof command, "%s -X -q -t -A -h 127.0.0.1 -p %u -U owner -d postgres -c \"%s\" 2>&1",
             program("psql"), postgres.port, sql);
    FILE *pipe = popen(command, "r");
    line[0] = 0;
    if (pipe == NULL || fgets(line, sizeof line, pipe) == NULL) line[0] = 0;
    if (pipe != NULL) pclose(pipe);
    line[strcspn(line, "\n")] = 0;
    return line;
}

static void launch(void) {
    char port[8];
    snprintf(port, sizeof port, "%u", postgres.port);
    const char *const arguments[] = {program("postgres"),
                                     "-D",
                                     postgres.data,
                                     "-p",
                                     port,
                                     "-h",
                                     "127.0.0.1",
                                     "-k",
                                     "",
                                     "-c",
                                     "max_connections=60",
                                     "-c",
                                     "shared_buffers=32MB",
                                     "-c",
                                     "restart_after_crash=off",
                                     NULL};
    postgres.pid = start_program(arguments, postgres.output, postgres.user, postgres.group);
    uint64_t last = now_ms() + 60000;
    while (strcmp(say("select 1"), "1") != 0) {
        if (now_ms() > last || waitpid(postgres.pid, NULL, WNOHANG) != 0) give_up("postgres does not start");
        poll(NULL, 0, 20);
    }
}

/* A key and a certificate of its own for "localhost". */
static void make_certificate(void) {
    char key[192], certificate[192], settings[192];
    snprintf(key, sizeof key, "%s/server.key", postgres.data);
    snprintf(certificate, sizeof certificate, "%s/server.crt", postgres.data);
    snprintf(settings, sizeof settings, "%s/postgresql.auto.conf", postgres.data);
    const char *const arguments[] = {"openssl",
                                     "req",
                                     "-new",
                                     "-x509",
                                     "-nodes",
                                     "-days",
                                     "2",
                                     "-newkey",
                                     "rsa:2048",
                                     "-subj",
                                     "/CN=localhost",
                                     "-addext",
                                     "subjectAltName=DNS:localhost",
                                     "-keyout",
                                     key,
                                     "-out",
                                     certificate,
                                     NULL};
    if (wait_program(start_program(arguments, postgres.output, postgres.user, postgres.group)) != 0 ||
        chmod(key, 0600) != 0)
        give_up("no certificate");
    FILE *file = fopen(settings, "a");
    if (file == NULL) give_up("no settings");
    fputs("ssl = on\n", file);
    fclose(file);
}

static void begin_postgres(void) {
    snprintf(postgres.folder, sizeof postgres.folder, "%s", make_folder("postgres"));
    snprintf(postgres.data, sizeof postgres.data, "%s/data", postgres.folder);
    snprintf(postgres.output, sizeof postgres.output, "%s/output", postgres.folder);
    if (getuid() == 0) { /* it refuses to run as root */
        const struct passwd *other = getpwnam("postgres");
        if (other == NULL) other = getpwnam("nobody");
        if (other == NULL) give_up("no user but root");
        postgres.user = other->pw_uid;
        postgres.group = other->pw_gid;
        if (chown(postgres.folder, postgres.user, postgres.group) != 0) give_up("chown");
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    const char *const arguments[] = {program("initdb"), "-D", postgres.data, "-U", "owner", "-A",
                                     "trust",           "-N", "--no-locale", "-E", "UTF8",  NULL};
    pid_t made = start_program(arguments, postgres.output, postgres.user, postgres.group);
    if (wait_program(made) != 0) give_up("initdb failed");
    make_certificate();
    postgres.port = free_port();
    launch();
    start_proxy(postgres.port);
}

static void end_postgres(void) {
    stop_proxy();
    kill_program(&postgres.pid, SIGQUIT);
    remove_folder(postgres.folder);
}

/* The first process and all others: those would serve for a while without it. */
static void crash(void) {
    char path[64];
    int others[128], count = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)postgres.pid, (int)postgres.pid);
    FILE *file = fopen(path, "r");
    while (file != NULL && count < 128 && fscanf(file, "%d", &others[count]) == 1)
        count++;
    if (file != NULL) fclose(file);
    kill_program(&postgres.pid, SIGKILL);
    for (int i = 0; i < count; i++)
        kill(others[i], SIGKILL);
    for (int i = 0; i < count; i++)
        wait_program(others[i]); /* they are ours now */
}

static const char *config_with(const char *more) {
    static _Thread_local char text[512];
    const char *direct = getenv("JF_STORE_BENCH");
    snprintf(text, sizeof text,
             "{\"connection\":\"host=127.0.0.1 port=%u user=owner "
             "dbname=postgres\",\"sweep_ms\":20,\"backoff_ms\":5,"
             "\"backoff_most_ms\":100%s}",
             direct != NULL ? postgres.port : proxy.port, more);
    return text;
}

static const char *config(void) {
    return config_with(",\"timeout_ms\":10000");
}

static const char *impatient(void) {
    return config_with(",\"timeout_ms\":400,\"connect_timeout_ms\":1000");
}

TEST(refuses_bad_settings) {
    const char *const bad[] = {"{\"connection\":\"host\"}", "{\"connection\":\"hast=x password=geheim\"}",

                               "{\"schema\":\"a b\"}",      "{\"schema\":\"A\"}",
                               "{\"schema\":\"x'; drop\"}", "{\"synchronous_commit\":\"maybe\"}",
                               "{\"timeout_ms\":1}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        jf_mock *mock = jf_mock_new();
        CHECK(jf_mock_load(mock, jf_check_plugin) == JF_OK, "load");
        CHECK(jf_mock_create(mock, bad[i]) == JF_E_INVALID, "%s is taken", bad[i]);
        CHECK(strstr(jf_mock_why(mock), "geheim") == NULL, "shows the password");
        end(mock);
    }
}

TEST(passwords_and_rights) {
    say("CREATE ROLE guest LOGIN PASSWORD 'geheim'");
    char text[512], hba[256], rule[] = "host all guest all scram-sha-256\nhost all all all trust\n";
    snprintf(hba, sizeof hba, "%s/pg_hba.conf", postgres.data);
    FILE *file = fopen(hba, "w");
    REQUIRE(file != NULL, "no pg_hba.conf");
    fputs(rule, file), fclose(file);
    say("SELECT pg_reload_conf()");
    const char *passwords[] = {"", ",\"password\":\"falsch\"", ",\"password\":\"geheim\""};
    for (int i = 0; i < 3; i++) {
        snprintf(
            text, sizeof text,
            "{\"connection\":\"host=127.0.0.1 port=%u user=guest dbname=postgres\",\"schema\":\"guests\"%s}",
            proxy.port, passwords[i]);
        jf_mock *mock = begin_with(text);
        answer it = put(mock, "k", "v");
        /* With the right one it may log in, but not make a schema. */
        CHECK(it.status == JF_E_DENIED, "%d: %d %s", i, (int)it.status, it.why);
        CHECK(strstr(it.why, "falsch") == NULL && strstr(it.why, "geheim") == NULL, "shows the password: %s",
              it.why);
        for (uint32_t j = 0; j < jf_mock_log_count(mock); j++) {
            CHECK(strstr(jf_mock_log_at(mock, j, NULL), "falsch") == NULL, "the log shows the password");
        }
        end(mock);
    }
    say("GRANT CREATE ON DATABASE postgres TO guest");
    jf_mock *mock = begin_with(text);
    answer it = put(mock, "k", "v");
    CHECK(it.status == JF_OK, "%s", it.why);
    end(mock);
}

/* What TLS has decrypted already makes no socket readable: nothing may be left lying there. */
TEST(tls) {
    char text[512];
    static uint8_t value[900000];
    jf_ref ops[300];
    snprintf(text, sizeof text,
             "{\"connection\":\"hostaddr=127.0.0.1 host=localhost port=%u user=owner dbname=postgres "
             "sslmode=verify-full "
             "sslrootcert=%s/server.crt\",\"timeout_ms\":10000}",
             proxy.port, postgres.data);
    jf_mock *mock = begin_with(text);
    answer it = put(mock, "tls/small", "v");
    CHECK(it.status == JF_OK, "%s", it.why);
    for (int i = 0; i < 4; i++) {
        char key[16];
        snprintf(key, sizeof key, "tls/%d", i);
        CHECK(put_with(mock, view(key), bytes_of(value, sizeof value), 0, 0, 0).status == JF_OK, "large");
    }
    CHECK(list_from(mock, view("tls/"), (jf_view){NULL, 0}, 10, 0).count == 5, "list");
    for (int i = 0; i < 300; i++)
        ops[i] = jf_mock_store_get(mock, i % 100 == 99 ? view("tls/2") : view("tls/small"));
    for (int i = 0; i < 300; i++)
        CHECK(result_of(mock, ops[i], false).status == JF_OK, "get %d", i);
    the_rig->cut();
    CHECK(until(mock, serves, NULL, PATIENCE_MS), "does not come back");
    end(mock);
    snprintf(text, sizeof text,
             "{\"connection\":\"host=127.0.0.1 port=%u user=owner dbname=postgres sslmode=verify-full "
             "sslrootcert=%s/server.crt\"}",
             proxy.port, postgres.data);
    mock = begin_with(text);
    it = put(mock, "k", "v");
    CHECK(it.status == JF_E_GONE && strstr(it.why, "certificate") != NULL, "another name: %d %s",
          (int)it.status, it.why);
    end(mock);
}

TEST(schemas_are_apart) {
    jf_mock *one = begin(), *two = begin_with(config_with(",\"schema\":\"other\""));
    CHECK(put(one, "apart", "1").status == JF_OK, "put");
    answer it = get(two, view("apart"));
    CHECK(it.status == JF_ABSENT, "not apart: %d %s", (int)it.status, it.why);
    end(one), end(two);
}

TEST(checks_the_schema) {
    jf_mock *mock = begin_with(config_with(",\"schema\":\"missing\",\"create\":false"));
    answer it = put(mock, "k", "v");
    CHECK(it.status == JF_E_FAULT && strstr(it.why, "create") != NULL, "%d: %s", (int)it.status, it.why);
    end(mock);
    mock = begin_with(config_with(",\"schema\":\"newer\""));
    CHECK(put(mock, "k", "v").status == JF_OK, "put");
    end(mock);
    say("UPDATE newer.meta SET version = 2");
    mock = begin_with(config_with(",\"schema\":\"newer\""));
    it = put(mock, "k", "v");
    CHECK(it.status == JF_E_FAULT && strstr(it.why, "version 2") != NULL, "%d: %s", (int)it.status, it.why);
    end(mock);
}

static void *join_crew(void *user) {
    jf_mock *mock = begin_with(config_with(",\"schema\":\"together\""));
    atomic_int *made = user;
    answer it = put(mock, "k", "v");
    if (it.status == JF_OK) atomic_fetch_add(made, 1);
    end(mock);
    return NULL;
}

TEST(many_make_the_schema_at_once) {
    atomic_int made = 0;
    pthread_t threads[6];
    for (int i = 0; i < 6; i++)
        pthread_create(&threads[i], NULL, join_crew, &made);
    for (int i = 0; i < 6; i++)
        pthread_join(threads[i], NULL);
    CHECK(atomic_load(&made) == 6, "%d of 6", atomic_load(&made));
}

TEST(a_locked_row_is_not_waited_for_for_ever) {
    jf_mock *mock = begin_with(config_with(",\"timeout_ms\":500"));
    put(mock, "locked", "1");
    const char *sql = "SELECT pg_advisory_lock('jackfield.entries'::regclass::oid::integer,"
                      " hashtext(encode('locked', 'hex'))), pg_sleep(30)";
    char port[8];
    snprintf(port, sizeof port, "%u", postgres.port);
    const char *const arguments[] = {program("psql"), "-X", "-h",       "127.0.0.1", "-p", port, "-U",
                                     "owner",         "-d", "postgres", "-c",        sql,  NULL};
    pid_t holder = start_program(arguments, postgres.output, 0, 0);
    answer it = {0};
    uint64_t last = now_ms() + PATIENCE_MS;
    do
        it = put(mock, "locked", "2");
    while (it.status == JF_OK && now_ms() < last);
    CHECK(it.status == JF_E_TIMEOUT && (it.flags & JF_FAULT_NOT_STARTED), "%d: %s", (int)it.status, it.why);
    CHECK(get(mock, view("locked")).status == JF_OK, "reading waits too");
    kill_program(&holder, SIGKILL);
    say("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)%'");
    while (it.status != JF_OK && now_ms() < last) {
        jf_mock_run_until(mock, NULL, NULL, 5);
        it = put(mock, "locked", "3");
    }
    CHECK(it.status == JF_OK, "does not recover: %s", it.why);
    end(mock);
}

TEST(a_read_only_server_is_down) {
    jf_mock *mock = begin();
    CHECK(put(mock, "k", "v").status == JF_OK, "put");
    say("ALTER DATABASE postgres SET default_transaction_read_only = on");
    the_rig->cut();
    uint64_t last = now_ms() + PATIENCE_MS;
    answer it = {0};
    do {
        jf_mock_run_until(mock, NULL, NULL, 5);
        it = put(mock, "k", "w");
    } while (it.status == JF_E_GONE && !strstr(it.why, "read-only") && now_ms() < last);
    CHECK(it.status == JF_E_GONE && strstr(it.why, "read-only") != NULL, "%d: %s", (int)it.status, it.why);
    say("BEGIN READ WRITE; ALTER DATABASE postgres RESET default_transaction_read_only; COMMIT");
    the_rig->cut();
    while (it.status != JF_OK && now_ms() < last) {
        jf_mock_run_until(mock, NULL, NULL, 5);
        it = put(mock, "k", "x");
    }
    CHECK(it.status == JF_OK, "does not recover: %s", it.why);
    end(mock);
}

TEST(sweeps_tables) {
    jf_mock *mock = begin();
    char key[32];
    for (int i = 0; i < 250; i++) {
        snprintf(key, sizeof key, "sweep/%d", i);
        put_with(mock, view(key), view("v"), 0, 0, 30);
    }
    uint64_t last = now_ms() + PATIENCE_MS;
    const char *count =
        "SELECT count(*) FROM jackfield.entries WHERE expires_ms > 0 AND expires_ms < jackfield.now_ms()";
    while (strcmp(say(count), "0") != 0 && now_ms() < last)
        jf_mock_run_until(mock, NULL, NULL, 10);
    CHECK(strcmp(say(count), "0") == 0, "left: %s", say(count));
    end(mock);
}

TEST(the_pipeline_is_bounded) {
    jf_mock *mock = begin_with(config_with(",\"max_in_flight\":10"));
    CHECK(until(mock, serves, NULL, PATIENCE_MS), "does not serve");
    jf_ref ops[30];
    uint32_t busy = 0, done = 0;
    for (int i = 0; i < 30; i++)
        ops[i] = jf_mock_store_get(mock, view("k"));
    for (int i = 0; i < 30; i++) {
        answer it = result_of(mock, ops[i], false);
        busy += it.status == JF_E_BUSY && (it.flags & JF_FAULT_NOT_STARTED);
        done += it.status == JF_ABSENT || it.status == JF_OK;
    }
    CHECK(busy >= 20 && busy + done == 30, "%u busy, %u done", busy, done);
    end(mock);
}

int main(int argc, char **argv) {
    const rig it = {.begin = begin_postgres,
                    .end = end_postgres,
                    .config = config,
                    .impatient = impatient,
                    .crash = crash,
                    .restart = launch,
                    .cut = cut_proxy,
                    .stall = stall_proxy,
                    .is_shared = true,
                    .is_remote = true};
    return store_suite(&it, argc, argv);
}
