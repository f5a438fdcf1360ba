/* SPDX-License-Identifier: Apache-2.0
 * The conformance suite of jf.store/1: one for all stores. A test program defines a rig, its own cases, and
 * calls store_suite. */
#ifndef STORE_SUITE_H
#define STORE_SUITE_H

#include "cases_entries.h"
#include "cases_faults.h"
#include "cases_limits.h"
#include "cases_sharing.h"
#include "latency.h"

static int store_suite(const rig *it, int argc, char **argv) {
    the_rig = it;
    signal(SIGPIPE, SIG_IGN);
    it->begin();
    int status = jf_check_main(argc, argv);
    it->end();
    return status;
}

#endif
