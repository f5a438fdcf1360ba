/* SPDX-License-Identifier: Apache-2.0
 * The smallest MCP server over stdio: some hundred KiB each, for tests with hundreds of them. Knows what the
 * gateway writes, and no other JSON. SIGUSR1: says rubbish, half of a message last, and goes on. SIGUSR2:
 * exits in the middle of a message. `tiny modern` or `tiny legacy`. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char line[1 << 16], out[1 << 17];
static volatile sig_atomic_t wanted;

static void on_signal(int number) {
    wanted = number;
}

static void say(const char *text, size_t length) {
    for (ssize_t wrote; length > 0; text += wrote, length -= (size_t)wrote)
        if ((wrote = write(1, text, length)) < 0) _exit(1);
}

static void misbehave(void) {
    static const char torn[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"con";
    static const char rubbish[] =
        "\xff\xfe not json\n\n{}\n[]\n{\"jsonrpc\":\"1.0\"}\n{\"id\":\"nobody\",\"result\":0}\n\0\n";
    int number = wanted;
    wanted = 0;
    if (number == SIGUSR1)
        for (int i = 0; i < 40; i++)
            say(rubbish, sizeof rubbish - 1);
    if (number != 0) say(torn, sizeof torn - 1);
    if (number == SIGUSR2) _exit(3);
}

/* The JSON value behind the first `key`: a token or a string, as it stands. */
static size_t value(const char *key, const char **at) {
    const char *end;
    if ((*at = strstr(line, key)) == NULL) return 0;
    end = *at += strlen(key);
    if (*end != '"') return strcspn(end, ",}");
    for (end++; *end != '"' && *end != 0; end++)
        end += *end == '\\' && end[1] != 0;
    return (size_t)(end - *at) + 1;
}

static void answer(bool modern) {
    const char *id, *text, *more = modern ? ",\"resultType\":\"complete\"" : "", *result = NULL;
    size_t id_length = value("\"id\":", &id), text_length = value("\"text\":", &text);
    int length;
    if (id_length == 0 || strstr(line, "\"method\":") == NULL) return;
    if (strstr(line, "\"initialize\"") != NULL && !modern)
        result = "\"protocolVersion\":\"2025-06-18\",\"capabilities\":{\"tools\":{}},"
                 "\"serverInfo\":{\"name\":\"tiny\",\"version\":\"1\"}";
    else if (strstr(line, "\"server/discover\"") != NULL && modern)
        result = "\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{}},\"ttlMs\":0";
    else if (strstr(line, "\"tools/list\"") != NULL)
        result = "\"tools\":[{\"name\":\"echo\",\"inputSchema\":{\"type\":\"object\"}}],\"ttlMs\":0";
    else if (strstr(line, "\"ping\"") != NULL)
        result = "\"_meta\":{}";
    if (strstr(line, "\"tools/call\"") != NULL && text_length > 0)
        length = snprintf(out, sizeof out,
                          "{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"result\":{\"content\":[{\"type\":\"text\","
                          "\"text\":%.*s}]%s}}\n",
                          (int)id_length, id, (int)text_length, text, more);
    else if (result != NULL)
        length = snprintf(out, sizeof out, "{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"result\":{%s%s}}\n",
                          (int)id_length, id, result, more);
    else
        length = snprintf(out, sizeof out,
                          "{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"error\":{\"code\":-32601,\"message\":\"Method "
                          "not found\"}}\n",
                          (int)id_length, id);
    say(out, (size_t)length);
}

int main(int count, char **arguments) {
    struct sigaction action = {.sa_handler = on_signal}; /* without SA_RESTART: read() ends */
    size_t used = 0;
    bool modern = count > 1 && strcmp(arguments[1], "modern") == 0;
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGUSR2, &action, NULL);
    for (;;) {
        ssize_t got = read(0, line + used, sizeof line - 1 - used);
        char *end;
        if (wanted != 0) misbehave();
        if (got == 0) return 0;
        if (got < 0) continue;
        used += (size_t)got;
        while ((end = memchr(line, '\n', used)) != NULL) {
            size_t length = (size_t)(end - line) + 1;
            *end = 0;
            answer(modern);
            memmove(line, line + length, used - length);
            used -= length;
        }
        if (used == sizeof line - 1) return 1;
    }
}
