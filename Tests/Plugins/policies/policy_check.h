/* SPDX-License-Identifier: Apache-2.0
 * What the tests of policies share: one attached policy, one principal, one access. */
#ifndef JF_POLICY_CHECK_H
#define JF_POLICY_CHECK_H

#include "jf_check.h"
#include "jf_mock.h"
#include <jackfield/policy.h>
#include <jackfield/routing.h>

static jf_mock *mock;
static const jf_policy_1 *policy;
static jf_ref handle;
static jf_principal who;
static jf_view roles[8], scopes[8];
static jf_access access_;
static jf_ruling ruling;
static jf_pair labels[2];

static jf_view view(const char *text) {
    return text == NULL ? (jf_view){0} : (jf_view){(const uint8_t *)text, strlen(text)};
}

/* Somebody of that name (NULL: nobody), with roles up to the first NULL. */
static void is(const char *subject, const char *first, const char *second) {
    who = (jf_principal){.size = sizeof who,
                         .id = subject != NULL,
                         .subject = view(subject),
                         .key = view(subject),
                         .attributes = view("{}"),
                         .roles = roles,
                         .scopes = scopes};
    roles[0] = view(first);
    roles[1] = view(second);
    who.role_count = (first != NULL) + (second != NULL);
}

static void item(uint32_t kind, const char *server, const char *name) {
    access_ = (jf_access){.size = sizeof access_,
                          .principal = &who,
                          .kind = kind,
                          .action = view("tools/call"),
                          .server = view(server),
                          .name = view(name),
                          .shown = view(name),
                          .target = view("/mcp"),
                          .labels = labels};
}

static int32_t attach(const char *config) {
    if (handle != 0) policy->detach(jf_mock_self(mock), handle);
    handle = 0;
    return policy->attach(jf_mock_self(mock), view("p"), view(config), &handle, jf_mock_fault(mock));
}

static void begin(const char *config) {
    mock = jf_mock_new();
    if (!jf_mock_up(mock, jf_check_plugin, "{}")) exit(1);
    policy = jf_mock_facet(mock, JF_POLICY_1);
    handle = 0;
    is("alice", NULL, NULL);
    item(0, "s", "t");
    CHECK(config == NULL || attach(config) == JF_OK, "%s", jf_mock_why(mock));
}

static void end(void) {
    if (handle != 0) policy->detach(jf_mock_self(mock), handle);
    CHECK(jf_mock_free(mock) == 0, "problems");
}

static int32_t decide(void) {
    ruling = (jf_ruling){.size = sizeof ruling};
    return policy->decide(jf_mock_self(mock), 7, handle, &access_, &ruling, jf_mock_fault(mock));
}

/* The decision; UINT32_MAX: an error. */
static uint32_t decided(void) {
    return decide() == JF_OK ? ruling.decision : UINT32_MAX;
}

static bool rule_is(const char *text) {
    return ruling.rule.len == strlen(text) && memcmp(ruling.rule.ptr, text, ruling.rule.len) == 0;
}

/* The class of `who` as text; "?" where there is none. */
static const char *class_of(void) {
    static char text[512];
    jf_blob name = {0};
    if (policy->classify(jf_mock_self(mock), handle, &who, &name, jf_mock_fault(mock)) != JF_OK) return "?";
    snprintf(text, sizeof text, "%.*s", (int)name.len, name.ptr != NULL ? (const char *)name.ptr : "");
    if (name.drop != NULL) name.drop(name.owner);
    return text;
}

static uint8_t reviewed(void) {
    const jf_access *one = &access_;
    jf_blob out = {0};
    int32_t status = policy->review(jf_mock_self(mock), 8, handle, &one, 1, &out, jf_mock_fault(mock));
    uint8_t found = status == JF_OK && out.len == 1 ? out.ptr[0] : 255;
    if (out.drop != NULL) out.drop(out.owner);
    return found;
}

#endif
