/* SPDX-License-Identifier: Apache-2.0
 * Caught by lanes.loops: instances on two loops use one buffer. They wait for each other between writing and
 * reading it, so that the fault does not depend on chance. */
#include "routing.h"

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t arrived = PTHREAD_COND_INITIALIZER;
static pthread_t lanes[2];
static int lane_count, waiting;
static uint64_t meetings;
static jf_ref shared_owner; /* the buffer */

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    pthread_mutex_lock(&turn);
    bool is_known = false;
    for (int i = 0; i < lane_count; i++)
        is_known = is_known || pthread_equal(lanes[i], pthread_self());
    if (!is_known && lane_count < 2) lanes[lane_count++] = pthread_self();
    pthread_mutex_unlock(&turn);
    return good_create(offer, config, out, why);
}
#define CREATE create

/* Until the other lane is here, too; where there is one lane only, or the other one has ended, not at all or
 * not for long. */
static void meet(void) {
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 1;
    pthread_mutex_lock(&turn);
    uint64_t meeting = meetings;
    if (lane_count == 2 && ++waiting == 2) {
        waiting = 0;
        meetings++;
        pthread_cond_broadcast(&arrived);
    } else if (lane_count == 2) {
        while (meetings == meeting && pthread_cond_timedwait(&arrived, &turn, &end) == 0)
            continue;
        if (meetings == meeting) waiting--;
    }
    pthread_mutex_unlock(&turn);
}

static int32_t pick(jf_self *self, jf_ref handle, const jf_pick *call, const jf_endpoint *const *eligible,
                    uint64_t count, uint32_t *chosen, jf_fault *why) {
    jf_ref own = (jf_ref)(uintptr_t)self;
    __atomic_store_n(&shared_owner, own, __ATOMIC_SEQ_CST);
    meet();
    if (__atomic_load_n(&shared_owner, __ATOMIC_SEQ_CST) != own) abort();
    return good_pick(self, handle, call, eligible, count, chosen, why);
}
#define PICK pick

#include "plugin.h"
