/* SPDX-License-Identifier: Apache-2.0
 * What the tests of transport-stdio share: a mock host, channels that run shell scripts, checks on processes.
 */
#include "jf_check.h"
#include "jf_mock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

/** Longest wait for something that is expected, in ms: a machine under load is slow. */
#define PATIENCE 20000
/** Quick phases and restarts, for tests that do not look at them. */
#define QUICK                                                                                                \
    "\"restart\": {\"initial_ms\": 1, \"max_ms\": 1, \"jitter\": 0}, "                                       \
    "\"shutdown\": {\"close_stdin_ms\": 150, \"terminate_ms\": 150}"

/* ---- small tools ---- */

static jf_mock *up(void) {
    signal(SIGPIPE, SIG_IGN);
    jf_mock *mock = jf_mock_new();
    CHECK(jf_mock_up(mock, jf_check_plugin, "{}"), "the plugin does not start");
    return mock;
}

/** A configuration that runs `script` in sh. No double quotes in it, please. */
static char *shell(const char *script, const char *more) {
    char *text = NULL;
    if (asprintf(&text, "{\"command\": \"sh\", \"args\": [\"-c\", \"%s\"], %s}", script, more) < 0) abort();
    return text;
}

static jf_ref open_shell(jf_mock *mock, const char *script, const char *more) {
    char *config = shell(script, more);
    jf_ref channel = jf_mock_open(mock, "it", config);
    free(config);
    CHECK(channel != 0, "open: %s", jf_mock_why(mock));
    return channel;
}

static bool ready(jf_mock *mock, uint32_t mark, jf_ref channel) {
    return jf_mock_wait(mock, mark, JF_MOCK_CHANNEL_READY, channel, 0, PATIENCE) != NULL;
}

/** The text of message number `index` (from 0) of the channel, waited for; "" when it does not come. */
static const char *message(jf_mock *mock, jf_ref channel, uint32_t index) {
    if (!jf_mock_wait_count(mock, index + 1, 0, JF_MOCK_CHANNEL_MESSAGE, channel, 0, PATIENCE)) return "";
    for (uint32_t at = 0;; at++) {
        const jf_mock_event *event = jf_mock_find(mock, at, JF_MOCK_CHANNEL_MESSAGE, channel, 0);
        if (index-- == 0) return event->text;
        at = event->index;
    }
}

static uint32_t messages(jf_mock *mock, jf_ref channel) {
    return jf_mock_count(mock, 0, JF_MOCK_CHANNEL_MESSAGE, channel, 0);
}

static const jf_mock_event *failed(jf_mock *mock, uint32_t mark, jf_ref channel) {
    return jf_mock_wait(mock, mark, JF_MOCK_CHANNEL_FAILED, channel, 0, PATIENCE);
}

static bool says(const jf_mock_event *event, const char *part) {
    return event != NULL && memmem(event->fault.text, event->fault.text_len, part, strlen(part)) != NULL;
}

static bool alive(long pid) {
    return pid > 0 && kill((pid_t)pid, 0) == 0;
}

/** How many entries a directory such as /proc/self/fd has. */
static uint32_t entries(const char *path) {
    uint32_t count = 0;
    DIR *list = opendir(path);
    for (struct dirent *entry; (entry = readdir(list)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(list);
    return count;
}

/** True when this process has no child at all, zombies included. */
static bool childless(void) {
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 && errno == ECHILD;
}

/** How many children this process has whose program is `name`. */
static uint32_t entries_named(const char *name) {
    char path[64], line[512];
    uint32_t count = 0;
    FILE *list;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    if ((list = fopen(path, "r")) == NULL) return 0;
    for (int pid; fscanf(list, "%d", &pid) == 1;) {
        FILE *stat;
        snprintf(path, sizeof path, "/proc/%d/stat", pid);
        if ((stat = fopen(path, "r")) == NULL) continue;
        size_t length = strlen(name);
        if (fgets(line, sizeof line, stat) != NULL) {
            const char *program = strchr(line, '(');
            count += program != NULL && strncmp(program + 1, name, length) == 0 && program[length + 1] == ')';
        }
        fclose(stat);
    }
    fclose(list);
    return count;
}

/** Ends a test: no problem noticed by the mock, no process left. */
static void down(jf_mock *mock) {
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
    CHECK(childless(), "a process is left");
}

static char *filled(size_t length, const char *head, char byte) {
    char *text = malloc(length + 1);
    memset(text, byte, length);
    memcpy(text, head, strlen(head));
    text[length] = 0;
    return text;
}
