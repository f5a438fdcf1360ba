/* SPDX-License-Identifier: Apache-2.0
 * filter-redact: what it finds, what it leaves, and that it never breaks JSON. */
#include "filter/drive.h"

#define TEXT(text) "{\"content\":[{\"type\":\"text\",\"text\":\"" text "\"}]}"

static void finds(const char *detector, const char *in, const char *out) {
    char options[200], body[1000], wanted[1000];
    snprintf(options, sizeof options, "{\"detect\":[\"%s\"],\"replacement\":\"#\"}", detector);
    filter it = up(options);
    snprintf(body, sizeof body, TEXT("%s"), in);
    snprintf(wanted, sizeof wanted, TEXT("%s"), out);
    outcome got = result_of(&it, body);
    CHECK(strcmp(got.text, wanted) == 0, "%s: got %s", detector, got.text);
    down(&it);
}

TEST(cards) {
    finds("credit-card", "pay 4111 1111 1111 1111 now", "pay # now");
    finds("credit-card", "4111-1111-1111-1111,5500005555555559", "#,#");
    finds("credit-card", "1 4111 1111 1111 1111 5", "1 # 5");
    finds("credit-card", "4111111111111112 and 41111111111111111111 and x4111111111111111",
          "4111111111111112 and 41111111111111111111 and x4111111111111111");
    finds("credit-card", "0000 0000 0000 0000", "0000 0000 0000 0000");
}

TEST(other_kinds) {
    finds("iban", "to DE89 3704 0044 0532 0130 00 AND MORE", "to # AND MORE");
    finds("iban", "DE88370400440532013000", "DE88370400440532013000");
    finds("email", "a.b+c@mail.example.com!", "#!");
    finds("us-ssn", "123-45-6789 000-12-3456 666-12-3456 900-12-3456",
          "# 000-12-3456 666-12-3456 900-12-3456");
    finds("aws-key", "AKIAIOSFODNN7EXAMPLE", "#");
    finds("github-token", "ghp_abcdefghijklmnopqrstuvwxyz0123456789", "#");
    finds("slack-token", "xoxb-1234567890-abcdef", "#");
    finds("google-key", "AIzaSyA1234567890abcdefghijklmnopqrstuv", "#");
    finds("openai-key", "sk-proj-abcdefghijklmnopqrstuvwxyz", "#");
    finds("jwt", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl.", "#.");
    finds("bearer", "Authorization: Bearer abcdefghijklmnop1234", "Authorization: Bearer #");
    finds("private-key", "x -----BEGIN RSA PRIVATE KEY-----\\nMIIE\\n-----END RSA PRIVATE KEY----- y",
          "x # y");
    finds("private-key", "-----BEGIN PRIVATE KEY-----\\nMIIE", "#");
}

TEST(escapes) {
    finds("aws-key", "\\u0041KIAIOSFODNN7EXAMPLE\\n\\\"\\u00e9\\ud83d\\ude00",
          "#\\n\\\"\xc3\xa9\xf0\x9f\x98\x80");
}

TEST(half_a_surrogate_pair_hides_nothing) {
    filter it = up("{\"detect\":[\"aws-key\"],\"replacement\":\"#\"}");
    outcome got = result_of(&it, TEXT("\\ud800 AKIAIOSFODNN7EXAMPLE \\udc00"));
    SAYS(got, TEXT("\xef\xbf\xbd # \xef\xbf\xbd"));
    down(&it);
}

TEST(structure_and_text_alike) {
    filter it = up(
        "{\"detect\":[\"us-ssn\"],\"members\":[\"password\"],\"pointers\":[\"/structuredContent/list/*/x\"],"
        "\"replacement\":\"#{name}\"}");
    outcome got = result_of(
        &it, "{\"structuredContent\":{\"ssn\":\"123-45-6789\",\"password\":{\"a\":1},\"list\":[{\"x\":1},"
             "{\"y\":2}]},\"content\":[{\"type\":\"text\",\"text\":\"{\\\"ssn\\\":\\\"123-45-6789\\\","
             "\\\"password\\\":{\\\"a\\\":1}}\"}]}");
    SAYS(got, "{\"structuredContent\":{\"ssn\":\"#us-ssn\",\"password\":\"#masked\",\"list\":[{\"x\":\"#"
              "masked\"},{\"y\":2}]},"
              "\"content\":[{\"type\":\"text\",\"text\":\"{\\\"ssn\\\":\\\"#us-ssn\\\",\\\"password\\\":\\\"#"
              "masked\\\"}\"}]}");
    down(&it);
}

TEST(numbers_and_binary) {
    filter it = up("{\"detect\":[\"credit-card\",\"aws-key\"],\"replacement\":\"#\"}");
    SAYS(result_of(&it, "{\"structuredContent\":{\"n\":4111111111111111}}"),
         "{\"structuredContent\":{\"n\":\"#\"}}");
    const char *image = "{\"content\":[{\"type\":\"image\",\"data\":\"AKIAIOSFODNN7EXAMPLE\"}]}";
    SAYS(result_of(&it, image), image);
    SAYS(result_of(&it, "{\"structuredContent\":{\"data\":\"AKIAIOSFODNN7EXAMPLE\"}}"),
         "{\"structuredContent\":{\"data\":\"#\"}}");
    down(&it);
}

TEST(hashes_are_the_same_for_the_same_secret) {
    filter it = up("{\"detect\":[\"us-ssn\"],\"action\":\"hash\",\"salt\":\"12345678\"}");
    outcome got = result_of(&it, TEXT("123-45-6789 123-45-6789 123-45-6780"));
    const char *first = strstr(got.text, "[us-ssn:"), *second = strstr(first + 1, "[us-ssn:"),
               *third = strstr(second + 1, "[us-ssn:");
    CHECK(memcmp(first, second, 25) == 0 && memcmp(first, third, 25) != 0, "%s", got.text);
    down(&it);
}

TEST(directions_and_blocks) {
    filter it = up("{\"detect\":[\"us-ssn\"],\"action\":\"block\",\"direction\":\"both\"}");
    CHECK(result_of(&it, TEXT("123-45-6789")).status == JF_E_DENIED, "passed");
    CHECK(strstr(jf_mock_why(it.mock), "6789") == NULL, "it tells: %s", jf_mock_why(it.mock));
    CHECK(request_of(&it, "{\"name\":\"123-45-6789\",\"arguments\":{\"a\":\"123-45-6789\"}}").status ==
              JF_E_DENIED,
          "passed");
    CHECK(request_of(&it, "{\"name\":\"123-45-6789\",\"arguments\":{}}").status == JF_OK,
          "a name was looked at");
    down(&it);
}

TEST(own_patterns) {
    filter it =
        up("{\"detect\":[],\"patterns\":[{\"name\":\"ticket\",\"pattern\":\"(?i)ticket ([0-9]+)\"}]}");
    SAYS(result_of(&it, TEXT("Ticket 123 ticket x")), TEXT("Ticket [redacted:ticket] ticket x"));
    CHECK(it.table->attach(jf_mock_self(it.mock), view("b"),
                           view("{\"patterns\":[{\"name\":\"x\",\"pattern\":\"(\"}]}"), &(jf_ref){0},
                           jf_mock_fault(it.mock)) == JF_E_INVALID,
          "taken");
    CHECK(it.table->attach(jf_mock_self(it.mock), view("b"), view("{\"action\":\"hash\"}"), &(jf_ref){0},
                           jf_mock_fault(it.mock)) == JF_E_INVALID,
          "without salt");
    down(&it);
}

TEST(many_finds_and_depth) {
    filter it = up("{\"detect\":[\"us-ssn\"],\"replacement\":\"#\"}");
    char body[6000] = "{\"a\":\"";
    for (int i = 0; i < 200; i++)
        strcat(body, "123-45-6789 ");
    strcat(body, "\"}");
    outcome got = result_of(&it, body);
    CHECK(strstr(got.text, "6789") == NULL && strlen(got.text) == 6 + 400 + 2, "%zu", strlen(got.text));
    char deep[600] = "{\"a\":";
    memset(deep + 5, '[', 200);
    memset(deep + 205, ']', 200);
    deep[405] = '}';
    CHECK(result_of(&it, deep).status == JF_E_FAULT, "too deep, and passed");
    down(&it);
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
