/* SPDX-License-Identifier: Apache-2.0
 * The load driver's report: what was read at both ends of the window, as one line of JSON. */
#define _GNU_SOURCE
#include "load.h"

#include <sys/resource.h>
#include <time.h>

reading reading_take(bool memory) {
    struct rusage own;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    getrusage(RUSAGE_SELF, &own);
    reading r = {.time = (double)t.tv_sec + (double)t.tv_nsec * 1e-9, .machine = usage_machine()};
    r.self = (double)(own.ru_utime.tv_sec + own.ru_stime.tv_sec) +
             (double)(own.ru_utime.tv_usec + own.ru_stime.tv_usec) * 1e-6;
    r.gateway = usage_of(options.gateways, options.gateway_count, memory);
    r.other = usage_of(options.others, options.other_count, false);
    return r;
}

void reading_report(const reading *from, const reading *to) {
    double seconds = to->time - from->time,
           per_call = progress.answered ? 1e6 / (double)progress.answered : 0;
    double gateway = to->gateway.cpu - from->gateway.cpu;
    double child = to->gateway.child_cpu - from->gateway.child_cpu;
    double other = to->other.cpu + to->other.child_cpu - from->other.cpu - from->other.child_cpu;
    double foreign = to->machine - from->machine - gateway - child - other - (to->self - from->self);
    long wrong = errors.http + errors.rpc + errors.id + errors.echo + errors.connection + errors.timeout;
    printf(
        "{\"seconds\":%.3f,\"issued\":%ld,\"calls\":%ld,\"calls_per_s\":%.1f,\"p50_us\":%.1f,\"p99_us\":%.1f,"
        "\"mean_us\":%.1f,\"max_us\":%.1f,\"bytes_per_answer\":%.0f,",
        seconds, progress.issued, progress.answered, (double)progress.answered / seconds,
        histogram_quantile(&progress.latency, 0.50), histogram_quantile(&progress.latency, 0.99),
        progress.answered ? progress.latency.sum / (double)progress.answered : 0, progress.latency.max,
        progress.answered ? (double)progress.bytes / (double)progress.answered : 0);
    printf("\"cpu_us_per_call\":%.3f,\"child_cpu_us_per_call\":%.3f,\"backend_cpu_us_per_call\":%.3f,"
           "\"driver_cpu_us_per_call\":%.3f,\"foreign_cores\":%.3f,\"rss_kib\":%.0f,\"peak_kib\":%.0f,",
           gateway * per_call, child * per_call, other * per_call, (to->self - from->self) * per_call,
           foreign > 0 ? foreign / seconds : 0, to->gateway.rss, to->gateway.peak);
    printf("\"errors\":%ld,\"lost\":%ld,\"error_kinds\":{\"http\":%ld,\"rpc\":%ld,\"id\":%ld,\"echo\":%ld,"
           "\"connection\":%ld,\"timeout\":%ld},\"error_sample\":\"%s\"}\n",
           wrong, errors.lost, errors.http, errors.rpc, errors.id, errors.echo, errors.connection,
           errors.timeout, errors.sample);
}
