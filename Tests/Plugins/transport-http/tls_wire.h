/* SPDX-License-Identifier: Apache-2.0
 * Certificates made by the program openssl, and clients of a TLS listener that it plays: `openssl s_client`
 * carries the bytes of the test. */
#ifndef TRANSPORT_HTTP_TLS_WIRE_H
#define TRANSPORT_HTTP_TLS_WIRE_H

#include "wire.h"

#include <ftw.h>
#include <stdarg.h>
#include <sys/wait.h>

/** A folder with an authority and certificates of it: ca.pem; server.pem and server.key (localhost,
 * 127.0.0.1); client.pem, client.der and client.key; expired.pem (of client.key). */
typedef struct pki {
    char folder[64];
} pki;

static pid_t start_in(const char *folder, const char *command, int in, int out) {
    pid_t child = fork();
    if (child != 0) return child;
    int quiet = open("/dev/null", O_RDWR);
    if (chdir(folder) != 0) _exit(126);
    dup2(in >= 0 ? in : quiet, 0);
    dup2(out >= 0 ? out : quiet, 1);
    dup2(quiet, 2);
    execlp("sh", "sh", "-c", command, NULL);
    _exit(127);
}

/** Runs a shell command in the folder. */
__attribute__((format(printf, 2, 3))) static void pki_run(const pki *p, const char *format, ...) {
    char command[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof(command), format, arguments);
    va_end(arguments);
    int status = -1;
    pid_t child = start_in(p->folder, command, -1, -1);
    CHECK(waitpid(child, &status, 0) == child && status == 0, "%s failed", command);
}

#define PKI_NEW "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
/** Another pair for the listener under other names. */
static void pki_server(const pki *p, const char *name) {
    pki_run(p,
            PKI_NEW "-subj /CN=%s -CA ca.pem -CAkey ca.key -addext subjectAltName=DNS:localhost,IP:127.0.0.1 "
                    "-keyout %s.key -out %s.pem",
            name, name, name);
}

static pki pki_open(void) {
    pki p = {.folder = "/tmp/transport-tls-XXXXXX"};
    CHECK(mkdtemp(p.folder) != NULL, "no folder");
    pki_run(&p, PKI_NEW "-subj /CN=authority -keyout ca.key -out ca.pem");
    pki_server(&p, "server");
    pki_run(&p,
            PKI_NEW "-subj /CN=client -CA ca.pem -CAkey ca.key -keyout client.key -out client.pem && "
                    "openssl x509 -in client.pem -outform DER -out client.der && "
                    "openssl x509 -in client.pem -signkey client.key -x509toreq -out client.csr && "
                    "openssl x509 -req -in client.csr -CA ca.pem -CAkey ca.key -days -1 -out expired.pem");
    return p;
}

static int pki_drop(const char *path, const struct stat *what, int kind, struct FTW *place) {
    (void)what, (void)kind, (void)place;
    return remove(path);
}

static void pki_close(pki *p) {
    nftw(p->folder, pki_drop, 8, FTW_DEPTH | FTW_PHYS);
}

/** The option `tls` with the pair of this name, and `rest` (",\"client_ca\":\"%s/ca.pem\"" with the folder in
 * the place of %s). To be freed. */
static char *pki_option(const pki *p, const char *name, const char *rest) {
    char *text = NULL, more[512];
    snprintf(more, sizeof(more), rest, p->folder);
    CHECK(asprintf(&text, "{\"tls\":{\"certificate\":\"%s/%s.pem\",\"key\":\"%s/%s.key\"%s}}", p->folder,
                   name, p->folder, name, more) > 0,
          "out of memory");
    return text;
}

/** A listener with TLS; the URL of what it is bound to begins with `begin`. */
static front secure_front(const pki *p, const char *begin, const char *rest) {
    char *option = pki_option(p, "server", rest);
    front f = front_at(begin, option);
    free(option);
    return f;
}

/** A client with TLS; what goes into its wire is sent, what comes out was received. */
typedef struct tls_client {
    pid_t child;
    wire talk;
} tls_client;

/** `options` are further ones of `openssl s_client`. It ends when the server is none of the authority's. */
static tls_client tls_dial(const pki *p, jf_mock *mock, int port, const char *options) {
    char command[512];
    int pair[2];
    snprintf(command, sizeof(command),
             "exec openssl s_client -connect 127.0.0.1:%d -quiet -CAfile ca.pem -verify_return_error "
             "-servername localhost -alpn http/1.1 %s",
             port, options);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
    tls_client c = {.child = start_in(p->folder, command, pair[1], pair[1])};
    close(pair[1]);
    c.talk = wire_of(mock, pair[0]);
    return c;
}

static void tls_hang_up(tls_client *c) {
    kill(c->child, SIGKILL);
    waitpid(c->child, NULL, 0);
    wire_close(&c->talk);
}

#endif
