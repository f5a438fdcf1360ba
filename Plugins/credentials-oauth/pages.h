/* SPDX-License-Identifier: Apache-2.0
 * The pages that a user's browser sees. */
#ifndef CREDENTIALS_OAUTH_PAGES_H
#define CREDENTIALS_OAUTH_PAGES_H

#include "held.h"

/** Serves /connect/SERVER/; tries again while somebody else does. */
void pages_open(struct oauth *it);
void pages_halt(struct oauth *it);

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
