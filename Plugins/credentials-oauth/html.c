/* SPDX-License-Identifier: Apache-2.0
 * What pages look like: one style, no scripts, nothing from elsewhere. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "pages.h"

#include <stdlib.h>

// clang-format off
#define STYLE \
    ":root{color-scheme:light dark;--ink:#1c2330;--soft:#5b6577;--page:#f3f5f9;--card:#fff;--line:#dfe4ec;--go:#2456d6}" \
    "@media(prefers-color-scheme:dark){:root{--ink:#e8ecf4;--soft:#9aa5b8;--page:#11151d;--card:#1a202c;" \
    "--line:#2c3545;--go:#5b8aff}}" \
    "*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;" \
    "background:var(--page);color:var(--ink);font:16px/1.55 system-ui,sans-serif}" \
    "main{width:100%;max-width:30rem;background:var(--card);border:1px solid var(--line);border-radius:16px;" \
    "padding:2rem;box-shadow:0 8px 30px rgba(0,0,0,.06)}h1{font-size:1.35rem;line-height:1.3;margin:0 0 .75rem}" \
    "p{margin:0 0 1rem}dl{margin:0 0 1.5rem;border-top:1px solid var(--line)}dl div{padding:.7rem 0;" \
    "border-bottom:1px solid var(--line)}dt{color:var(--soft);font-size:.85rem}dd{margin:.1rem 0 0;" \
    "overflow-wrap:anywhere}code{font-family:ui-monospace,monospace;font-size:.9em;background:var(--page);" \
    "border-radius:5px;padding:.1rem .35rem;margin-right:.3rem;display:inline-block}" \
    "button,a.go{display:block;width:100%;border:0;border-radius:10px;background:var(--go);color:#fff;font:inherit;" \
    "font-weight:600;padding:.8rem;text-align:center;text-decoration:none;cursor:pointer}" \
    ".note{color:var(--soft);font-size:.85rem;margin:1rem 0 0}"
// clang-format on

void put_html(struct au_text *out, jf_view text) {
    for (uint64_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '&')
            au_puts(out, "&amp;");
        else if (c == '<')
            au_puts(out, "&lt;");
        else if (c == '>')
            au_puts(out, "&gt;");
        else if (c == '"')
            au_puts(out, "&quot;");
        else if (c == '\'')
            au_puts(out, "&#39;");
        else
            au_put(out, (jf_view){&c, 1});
    }
}

void page_send(struct oauth *it, jf_ref exchange, struct page *page) {
    const jf_http_1 *http = it->source.au.host->http;
    struct au_text html = {0}, cookie = {0}, policy = {0};
    char nonce[44] = "";
    random_text(16, nonce);
    au_puts(
        &html,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
        "content=\"width=device-width,initial-scale=1\"><meta name=\"robots\" content=\"noindex\"><title>");
    put_html(&html, view_of(page->title));
    au_puts(&html, "</title>");
    if (page->onward.len != 0) {
        au_puts(&html, "<meta http-equiv=\"refresh\" content=\"0;url=");
        put_html(&html, page->onward);
        au_puts(&html, "\">");
    }
    au_puts(&html, "<style nonce=\"");
    au_put(&html, view_of(nonce));
    au_puts(&html, "\">" STYLE "</style></head><body><main><h1>");
    put_html(&html, view_of(page->title));
    au_puts(&html, "</h1>");
    au_put(&html, VIEW(page->body));
    if (page->onward.len != 0) {
        au_puts(&html, "<a class=\"go\" href=\"");
        put_html(&html, page->onward);
        au_puts(&html, "\">Go on</a>");
    }
    au_puts(&html, "</main></body></html>");
    au_puts(&policy, "default-src 'none'; style-src 'nonce-");
    au_put(&policy, view_of(nonce));
    au_puts(&policy, "'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'");
    // __Host-: only this host could have set it, over https (RFC 6265bis section 4.1.3.2).
    if (it->secure)
        au_puts(&cookie, "__Host-jf-connect=");
    else
        au_puts(&cookie, "jf-connect=");
    au_put(&cookie, page->cookie);
    au_puts(&cookie, "; Path=/; HttpOnly; SameSite=Lax; Max-Age=900");
    if (it->secure) au_puts(&cookie, "; Secure");
    jf_pair headers[] = {{AU_LITERAL("content-type"), AU_LITERAL("text/html; charset=utf-8")},
                         {AU_LITERAL("cache-control"), AU_LITERAL("no-store")},
                         {AU_LITERAL("content-security-policy"), VIEW(policy)},
                         {AU_LITERAL("x-frame-options"), AU_LITERAL("DENY")},
                         {AU_LITERAL("x-content-type-options"), AU_LITERAL("nosniff")},
                         {AU_LITERAL("referrer-policy"), AU_LITERAL("same-origin")},
                         {AU_LITERAL("cross-origin-opener-policy"), AU_LITERAL("same-origin")},
                         {AU_LITERAL("set-cookie"), VIEW(cookie)}};
    jf_http_response response = {.size = sizeof(response),
                                 .status = html.failed || policy.failed || cookie.failed ? 500 : page->status,
                                 .body = html.failed ? (jf_view){0} : VIEW(html),
                                 .headers = headers,
                                 .header_count = page->cookie.len != 0 ? 8 : 7};
    http->respond(http->context, exchange, &response);
    au_text_end(&html);
    au_text_end(&cookie);
    au_text_end(&policy);
    au_text_end(&page->body);
}
