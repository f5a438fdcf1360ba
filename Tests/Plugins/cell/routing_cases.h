/* SPDX-License-Identifier: Apache-2.0
 * Cell tests: routing strategies, whose picks wait for the cell, but never long. */

static int32_t pick_one(const fixture *it, jf_ref handle, uint64_t count, uint32_t *chosen) {
    jf_endpoint endpoints[8];
    const jf_endpoint *pointers[8];
    for (uint64_t i = 0; i < count; i++) {
        endpoints[i] = (jf_endpoint){
            .size = sizeof endpoints[i], .id = i + 1, .weight = 1, .name = jf_mock_view("endpoint")};
        pointers[i] = &endpoints[i];
    }
    jf_pick call = {.size = sizeof call, .method = jf_mock_view("tools/call"), .name = jf_mock_view("tool")};
    const jf_routing_1 *routing = jf_mock_routing(it->mock);
    return routing->pick(jf_mock_self(it->mock), handle, &call, pointers, count, chosen,
                         jf_mock_fault(it->mock));
}

static jf_ref attach_one(const fixture *it, const char *config) {
    jf_ref handle = 0;
    const jf_routing_1 *routing = jf_mock_routing(it->mock);
    CHECK(routing != NULL, "no strategy");
    if (routing == NULL) return 0;
    CHECK(routing->attach(jf_mock_self(it->mock), jf_mock_view("server"), jf_mock_view(config), &handle,
                          jf_mock_fault(it->mock)) == JF_OK,
          "not attached: %s", jf_mock_why(it->mock));
    return handle;
}

TEST(picks) {
    fixture it;
    uint32_t chosen = 99, seen[3] = {0};
    fixture_describe(&it, fixture_plugin("routing-round-robin"), "jf.routing/1");
    REQUIRE(fixture_up(&it, "{}"), "no cell: %s", jf_mock_why(it.mock));
    const jf_routing_1 *routing = jf_mock_routing(it.mock);
    jf_ref handle = attach_one(&it, "{}");
    for (int i = 0; i < 30; i++) {
        CHECK(pick_one(&it, handle, 3, &chosen) == JF_OK && chosen < 3, "picked %u", chosen);
        if (chosen < 3) seen[chosen]++;
    }
    CHECK(seen[0] == 10 && seen[1] == 10 && seen[2] == 10, "%u %u %u", seen[0], seen[1], seen[2]);
    CHECK(fixture_state(&it).late_picks == 0, "some were late");
    if (routing->export_state != NULL) {
        jf_blob state = {0};
        CHECK(routing->export_state(jf_mock_self(it.mock), handle, &state, jf_mock_fault(it.mock)) == JF_OK,
              "no state: %s", jf_mock_why(it.mock));
        jf_view view = {state.ptr, state.len};
        CHECK(routing->import_state(jf_mock_self(it.mock), handle, view, jf_mock_fault(it.mock)) == JF_OK,
              "state is refused: %s", jf_mock_why(it.mock));
        if (state.drop != NULL) state.drop(state.owner);
    }
    routing->detach(jf_mock_self(it.mock), handle);
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

TEST(does_not_wait_for_slow_picks) {
    fixture it;
    uint32_t chosen = 99;
    fixture_describe(&it, jf_check_plugin, TOOLS);
    it.spawn.limits.pick_us = 3000;
    REQUIRE(fixture_up(&it, "{}"), "no cell: %s", jf_mock_why(it.mock));
    jf_ref handle = attach_one(&it, "\"slow\"");
    uint64_t before = jf_mock_now(it.mock);
    for (int i = 0; i < 10; i++)
        CHECK(pick_one(&it, handle, 3, &chosen) == JF_OK && chosen == 0, "picked %u", chosen);
    uint64_t took = jf_mock_now(it.mock) - before;
    CHECK(took < 40000000u, "ten picks took %llu us", (unsigned long long)took / 1000);
    CHECK(fixture_state(&it).late_picks == 10, "%llu late",
          (unsigned long long)fixture_state(&it).late_picks);
    /* Once it has caught up it is asked again. */
    for (int i = 0; i < 2000 && chosen != 2; i++) {
        jf_mock_run_once(it.mock, 5);
        pick_one(&it, handle, 3, &chosen);
    }
    CHECK(chosen == 2, "it is never asked again");
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

TEST(does_not_believe_wrong_picks) {
    fixture it;
    uint32_t chosen = 99;
    fixture_describe(&it, jf_check_plugin, TOOLS);
    REQUIRE(fixture_up(&it, "{}"), "no cell: %s", jf_mock_why(it.mock));
    jf_ref handle = attach_one(&it, "\"wrong\"");
    CHECK(pick_one(&it, handle, 3, &chosen) == JF_OK && chosen == 0, "picked %u", chosen);
    CHECK(fixture_wait(&it, JF_CELL_UP, 1), "it does not come back");
    CHECK(strstr(fixture_state(&it).reason, "") != NULL && fixture_state(&it).ends == 1, "it did not end");
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

TEST(picks_the_first_while_it_is_down) {
    fixture it;
    uint32_t chosen = 99;
    fixture_describe(&it, jf_check_plugin, TOOLS);
    it.spawn.limits.backoff_ms = 50;
    REQUIRE(fixture_up(&it, "{}"), "no cell: %s", jf_mock_why(it.mock));
    jf_ref handle = attach_one(&it, "{}"), set = jf_mock_open_set(it.mock, "set", "{}");
    CHECK(pick_one(&it, handle, 3, &chosen) == JF_OK && chosen == 2, "picked %u", chosen);
    fixture_call(&it, set, "abort", "{}");
    CHECK(pick_one(&it, handle, 3, &chosen) == JF_OK && chosen == 0, "picked %u", chosen);
    CHECK(fixture_wait(&it, JF_CELL_UP, 1), "it does not come back");
    CHECK(pick_one(&it, handle, 3, &chosen) == JF_OK && chosen == 2, "picked %u after the restart", chosen);
    CHECK(fixture_down(&it) == 0, "rules were broken");
}
