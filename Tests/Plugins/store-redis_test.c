/* SPDX-License-Identifier: Apache-2.0
 * Tests of the plugin store-redis: the suite of all stores with a Redis of its own, and what is Redis's. */
#include "store/backend.h"
#include "store/suite.h"

static struct {
    char folder[128], output[160];
    uint16_t port;
    pid_t pid;
} redis;

/* One command in Redis's inline form; the first line of its answer. */
static const char *say(const char *format, ...) {
    static char line[512];
    char command[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(command, sizeof command - 2, format, arguments);
    va_end(arguments);
    memcpy(command + length, "\r\n", 3);
    int fd = connect_to_port(redis.port);
    if (fd < 0) return "";
    size_t used = 0;
    if (write(fd, command, (size_t)length + 2) > 0) {
        while (used + 1 < sizeof line && read(fd, line + used, 1) == 1 && line[used] != '\n')
            used++;
    }
    line[used > 0 ? used - 1 : 0] = 0;
    close(fd);
    return line;
}

static void launch(void) {
    char port[8];
    snprintf(port, sizeof port, "%u", redis.port);
    /* What is answered is on disk; the bench measures with what Debian's configuration has. */
    const char *keeps = getenv("JF_STORE_BENCH") != NULL ? "no" : "yes";
    const char *const arguments[] = {
        "redis-server", "--port", port,           "--bind", "127.0.0.1",     "--dir",  redis.folder,
        "--save",       "",       "--appendonly", keeps,    "--appendfsync", "always", "--daemonize",
        "no",           NULL};
    redis.pid = start_program(arguments, redis.output, 0, 0);
    uint64_t last = now_ms() + 20000;
    while (strcmp(say("PING"), "+PONG") != 0) {
        if (now_ms() > last || waitpid(redis.pid, NULL, WNOHANG) != 0) {
            fprintf(stderr, "redis-server does not start:\n");
            print_file(redis.output);
            exit(1);
        }
        poll(NULL, 0, 5);
    }
}

static void begin_redis(void) {
    snprintf(redis.folder, sizeof redis.folder, "%s", make_folder("redis"));
    snprintf(redis.output, sizeof redis.output, "%s/output", redis.folder);
    redis.port = free_port();
    launch();
    start_proxy(redis.port);
}

static void end_redis(void) {
    stop_proxy();
    kill_program(&redis.pid, SIGTERM);
    remove_folder(redis.folder);
}

static void crash(void) {
    kill_program(&redis.pid, SIGKILL);
}

static const char *config_with(const char *more) {
    static _Thread_local char text[512];
    snprintf(text, sizeof text,
             "{\"address\":\"127.0.0.1:%u\",\"sweep_ms\":20,\"backoff_ms\":5,\"backoff_most_ms\":100%s}",
             proxy.port, more);
    return text;
}

static const char *config(void) {
    return config_with(",\"timeout_ms\":10000");
}

static const char *impatient(void) {
    return config_with(",\"timeout_ms\":400,\"connect_timeout_ms\":1000");
}

static void wait_until_served(jf_mock *mock) {
    CHECK(until(mock, serves, NULL, PATIENCE_MS), "does not serve");
}

TEST(refuses_bad_settings) {
    const char *const bad[] = {"{\"address\":\"nowhere\"}", "{\"address\":\"::1:6379\"}",
                               "{\"address\":\"host:0\"}",  "{\"address\":\"unix:relative\"}",
                               "{\"username\":\"x\"}",      "{\"database\":-1}",
                               "{\"timeout_ms\":1}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        jf_mock *mock = jf_mock_new();
        CHECK(jf_mock_load(mock, jf_check_plugin) == JF_OK, "load");
        CHECK(jf_mock_create(mock, bad[i]) == JF_E_INVALID, "%s is taken", bad[i]);
        end(mock);
    }
}

TEST(forgotten_scripts_are_loaded_again) {
    jf_mock *mock = begin();
    CHECK(put(mock, "script", "1").status == JF_OK, "put");
    jf_ref ops[20];
    CHECK(strcmp(say("SCRIPT FLUSH"), "+OK") == 0, "no flush");
    for (int i = 0; i < 20; i++) {
        jf_store_add it = {sizeof it, 0, 1, 0, view("script/n")};
        ops[i] = jf_mock_store_add(mock, &it);
    }
    for (int i = 0; i < 20; i++)
        CHECK(result_of(mock, ops[i], false).status == JF_OK, "add %d", i);
    CHECK(number(add(mock, "script/n", 0)) == 20, "counted otherwise");
    end(mock);
}

TEST(passwords_and_users) {
    say("CONFIG SET requirepass geheim");
    jf_mock *mock = begin_with(config_with(""));
    answer it = put(mock, "secret", "1");
    CHECK(it.status == JF_E_DENIED, "without a password: %d %s", (int)it.status, it.why);
    end(mock);
    mock = begin_with(config_with(",\"password\":\"falsch\""));
    it = put(mock, "secret", "1");
    CHECK(it.status == JF_E_DENIED && strstr(it.why, "falsch") == NULL, "with a wrong one: %s", it.why);
    for (uint32_t i = 0; i < jf_mock_log_count(mock); i++)
        CHECK(strstr(jf_mock_log_at(mock, i, NULL), "falsch") == NULL, "the log shows the password");
    end(mock);
    mock = begin_with(config_with(",\"password\":\"geheim\""));
    it = put(mock, "secret", "1");
    CHECK(it.status == JF_OK, "with the right one: %s", it.why);
    end(mock);
    int fd = connect_to_port(redis.port);
    const char commands[] =
        "AUTH geheim\r\nACL SETUSER reader on >lesen ~* &* +@all -set\r\nCONFIG SET requirepass \"\"\r\n";
    CHECK(write(fd, commands, sizeof commands - 1) > 0, "no ACL");
    char line[64];
    size_t lines = 0;
    while (lines < 3 && read(fd, line, 1) == 1)
        lines += line[0] == '\n';
    close(fd);
    mock = begin_with(config_with(",\"username\":\"reader\",\"password\":\"lesen\""));
    CHECK(get(mock, view("secret")).status == JF_OK, "the ACL's user may read");
    it = put(mock, "secret", "2");
    CHECK(it.status == JF_E_DENIED || it.status == JF_E_FAULT, "it wrote: %d %s", (int)it.status, it.why);
    end(mock);
    /* What the README says that a user needs. */
    CHECK(
        strcmp(
            say("ACL SETUSER enough on >genug ~jackfield:* &jackfield:* +@read +@write +@scripting +@pubsub "
                "+@connection +time"),
            "+OK") == 0,
        "no ACL");
    mock = begin_with(config_with(",\"username\":\"enough\",\"password\":\"genug\""));
    jf_ref watch = jf_mock_store_watch(mock, view("rights/"));
    CHECK(watch != 0 && live(mock, watch, "rights/1"), "it may not watch");
    jf_store_limit one = limit("rights", FIXED, 0, 9000, LONG_MS, 1000);
    CHECK(take(mock, &one, 1).status == JF_OK && add(mock, "rights/n", 1).status == JF_OK,
          "it may not take or add");
    CHECK(list_from(mock, view("rights/"), (jf_view){NULL, 0}, 9, 0).count == 2, "it may not list");
    CHECK(remove_at(mock, view("rights/1"), 0).status == JF_OK, "it may not remove");
    end(mock);
}

TEST(databases_and_prefixes_are_apart) {
    jf_mock *one = begin(), *two = begin_with(config_with(",\"database\":3")),
            *three = begin_with(config_with(",\"prefix\":\"other:\""));
    put(one, "apart", "1");
    CHECK(get(two, view("apart")).status == JF_ABSENT && get(three, view("apart")).status == JF_ABSENT,
          "not apart");
    jf_ref watch = jf_mock_store_watch(two, view(""));
    CHECK(live(two, watch, "mine"), "no watch");
    uint32_t mark = jf_mock_mark(two);
    put(one, "apart", "2");
    put(two, "last", "x");
    struct told it = {watch, mark, "last", UINT64_MAX};
    CHECK(until(two, was_told, &it, PATIENCE_MS), "not told");
    for (uint32_t i = mark; i < jf_mock_mark(two); i++) {
        const jf_mock_event *event = jf_mock_event_at(two, i);
        CHECK(event->text == NULL || event->type != JF_MOCK_STORE_CHANGED ||
                  strcmp(event->text, "apart") != 0,
              "told of another database");
    }
    end(one), end(two), end(three);
}

TEST(a_full_redis_says_so) {
    jf_mock *mock = begin();
    put(mock, "small", "1");
    say("CONFIG SET maxmemory 1");
    answer it = put(mock, "small", "2");
    CHECK(it.status == JF_E_BUSY && (it.flags & JF_FAULT_NOT_STARTED), "%d: %s", (int)it.status, it.why);
    say("CONFIG SET maxmemory 0");
    CHECK(put(mock, "small", "3").status == JF_OK, "does not recover");
    end(mock);
}

TEST(lost_data_leaves_revisions_rising) {
    jf_mock *mock = begin();
    uint64_t before = put(mock, "lost", "1").entry.revision;
    say("FLUSHALL");
    CHECK(get(mock, view("lost")).status == JF_ABSENT, "not lost");
    CHECK(put(mock, "lost", "2").entry.revision > before, "revisions began again");
    end(mock);
}

TEST(strange_contents_are_a_fault) {
    jf_mock *mock = begin();
    say("SET jackfield:e:odd short");
    answer it = get(mock, view("odd"));
    CHECK(it.status == JF_E_FAULT, "%d", (int)it.status);
    say("DEL jackfield:e:odd");
    say("RPUSH jackfield:e:odd x");
    CHECK(put(mock, "odd", "x").status == JF_E_FAULT, "a list is overwritten");
    say("DEL jackfield:e:odd");
    CHECK(put(mock, "odd", "x").status == JF_OK, "does not recover");
    end(mock);
}

TEST(the_pipeline_is_bounded) {
    jf_mock *mock = begin_with(config_with(",\"max_in_flight\":10"));
    wait_until_served(mock);
    jf_ref ops[30];
    uint32_t busy = 0, done = 0;
    for (int i = 0; i < 30; i++)
        ops[i] = jf_mock_store_get(mock, view("k"));
    for (int i = 0; i < 30; i++) {
        answer it = result_of(mock, ops[i], false);
        busy += it.status == JF_E_BUSY && (it.flags & JF_FAULT_NOT_STARTED);
        done += it.status == JF_ABSENT;
    }
    CHECK(busy == 20 && done == 10, "%u busy, %u done", busy, done);
    end(mock);
}

TEST(sweeps_the_index) {
    jf_mock *mock = begin();
    char key[32];
    for (int i = 0; i < 300; i++) {
        snprintf(key, sizeof key, "sweep/%d", i);
        put_with(mock, view(key), view("v"), 0, 0, 30);
    }
    put(mock, "sweep/stays", "v");
    uint64_t last = now_ms() + PATIENCE_MS;
    while (strcmp(say("ZCARD jackfield:x"), ":0") != 0 && now_ms() < last)
        jf_mock_run_until(mock, NULL, NULL, 10);
    CHECK(strcmp(say("ZCARD jackfield:x"), ":0") == 0, "left: %s", say("ZCARD jackfield:x"));
    CHECK(list_from(mock, view("sweep/"), (jf_view){NULL, 0}, 10, 0).count == 1, "listed");
    end(mock);
}

TEST(nobody_home_and_nonsense) {
    jf_mock *mock = begin_with("{\"address\":\"no-such-host.invalid:1\"}");
    answer it = put(mock, "k", "v");
    CHECK(it.status == JF_E_GONE && (it.flags & JF_FAULT_NOT_STARTED), "%d: %s", (int)it.status, it.why);
    end(mock);
    /* A server that is no Redis. */
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = loopback(0);
    socklen_t length = sizeof at;
    char text[96];
    REQUIRE(bind(listener, (struct sockaddr *)&at, sizeof at) == 0 && listen(listener, 8) == 0,
            "no listener");
    getsockname(listener, (struct sockaddr *)&at, &length);
    snprintf(text, sizeof text, "{\"address\":\"127.0.0.1:%u\",\"connect_timeout_ms\":300}",
             ntohs(at.sin_port));
    mock = begin_with(text);
    jf_ref op = jf_mock_store_get(mock, view("k"));
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    CHECK(write(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28) == 28, "write");
    CHECK(result_of(mock, op, false).status == JF_E_GONE, "HTTP is Redis");
    close(fd), close(listener);
    end(mock);
}

int main(int argc, char **argv) {
    const rig it = {.begin = begin_redis,
                    .end = end_redis,
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
