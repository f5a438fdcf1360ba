/* SPDX-License-Identifier: Apache-2.0
 * Which requests may only go to public addresses. */
#ifndef PUBLIC_CASES_H
#define PUBLIC_CASES_H

TEST(what_a_server_names_must_be_public) {
    begin_with("{" CLIENT "}");
    ask(0, NULL);
    answer(PRM, 200, OWN);
    answer(METADATA, 200, THEIRS);
    CHECK(asked[0].flags == 0, "the server's own origin");
    CHECK(asked[1].flags == JF_HTTP_PUBLIC && asked[2].flags == JF_HTTP_PUBLIC, "what it named");
    end();
    begin_with("{" CLIENT ",\"allow_private\":true}");
    ask(0, NULL);
    answer(PRM, 200, OWN);
    CHECK(asked[1].flags == 0, "the operator allows it");
    end();
    begin_with("{" CLIENT ",\"issuer\":\"" ISSUER "\"}");
    ask(0, NULL);
    answer(METADATA, 200, THEIRS);
    CHECK(asked[0].flags == 0 && asked[1].flags == 0, "the operator named it");
    end();
    begin_with("{" CLIENT ",\"token_endpoint\":\"" ISSUER "/token\"}");
    ask(0, NULL);
    CHECK(asked[0].flags == 0, "the operator named it");
    end();
}

#endif
