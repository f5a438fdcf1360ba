/* SPDX-License-Identifier: Apache-2.0
 * The pages that a user's browser sees. */
#ifndef CREDENTIALS_OAUTH_PAGES_H
#define CREDENTIALS_OAUTH_PAGES_H

#include "records.h"

/** Serves /connect/SERVER/; tries again while somebody else does. */
void pages_open(struct oauth *it);
void pages_halt(struct oauth *it);

enum step { STEP_PAGE, STEP_BEGIN, STEP_LOGIN, STEP_CALLBACK, STEP_LEAVE };

/** A browser that waits for the store or a token endpoint. */
struct visit {
    struct visit *next;
    struct oauth *of;
    jf_ref exchange, request;
    enum step step;
    struct vault_key key;   /**< of the record of `who` */
    struct connecting *who; /**< NULL: not known yet, or nobody any more */
    char text[44];          /**< the id or state that the browser showed */
    char cookie[44];        /**< the browser's; "": none */
    int32_t has_iss, has_code, has_error;
    struct au_text iss, code, onward;
    /* Of STEP_LEAVE. */
    bool waits;              /**< for the login's metadata */
    struct vault_key prefix; /**< of the records that go */
    struct vault_key gone;   /**< the one that goes now */
    struct au_text plain;    /**< what stood in it; empty: it could not be read */
    uint32_t count, told;    /**< records removed; authorization servers that were told */
};
struct page;
/** NULL: no memory, which was answered. */
struct visit *visit_new(struct oauth *it, const jf_http_request *request, enum step step);
/** Answers with a page, and ends the visit. */
void visit_say(struct visit *visit, int32_t status, const char *title, const char *text);
/** It came to nothing. */
void visit_refuse(struct visit *visit, const char *text);
/** Keeps `who` for the browser's next step and sends it to an authorization server. */
void visit_onward(struct visit *visit, bool login);
/** Whether a form is ours, of this browser: `id` is what its token was made of. Answered if not. */
bool form_is_ours(struct oauth *it, const jf_http_request *request, jf_view id);
/** The page's form token and, for a browser without one, its cookie, which `fresh` has room for. */
void form_token(struct oauth *it, const jf_http_request *request, jf_view id, struct page *page,
                char fresh[44], char token[44]);

/* ---- login.c ---- */

/** Whether the ID token is of the user whose client asked; NULL, or what is wrong. It came from the token
 * endpoint itself, whose name TLS has proven (OpenID Connect Core 1.0 section 3.1.3.7). */
const char *login_wrong(struct oauth *it, struct connecting *who, jf_view token);

/* ---- leave.c ---- */

/** The page that asks whether a user wants to be disconnected; its button; after the login. */
void leave_page(struct oauth *it, const jf_http_request *request);
void leave_begin(struct oauth *it, const jf_http_request *request);
void leave_go_on(struct visit *visit);

/** One answer to a browser. */
struct page {
    int32_t status;
    struct au_text body; /**< what stands in the middle, HTML */
    const char *title;
    jf_view onward; /**< where the browser goes by itself; absent: nowhere */
    jf_view cookie; /**< the value of a new cookie; absent: none */
};
/** Answers, and gives the page's memory back. */
void page_send(struct oauth *it, jf_ref exchange, struct page *page);
/** Text of strangers, with HTML's characters escaped. */
void put_html(struct au_text *out, jf_view text);

#endif
