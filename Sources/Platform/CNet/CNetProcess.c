// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "CNetProcess.h"

#include <inttypes.h>
#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/timex.h>

int64_t callmeter_memory_used(void) {
    malloc_trim(0);
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    if (!file) return -1;
    char line[256];
    long long kilobytes = -1;
    while (kilobytes < 0 && fgets(line, sizeof line, file))
        if (sscanf(line, "Pss: %lld kB", &kilobytes) != 1) kilobytes = -1;
    fclose(file);
    return kilobytes < 0 ? -1 : kilobytes * 1024;
}

int callmeter_clock_is_set(void) {
    struct timex state = {0};
    if (adjtimex(&state) == -1) return -1;
    return (state.status & STA_UNSYNC) == 0;
}

static uint64_t microseconds(struct timeval time) { return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec; }

uint64_t callmeter_processor_time(void) {
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
    return microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
}

int callmeter_cores(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    int cores = CPU_COUNT(&set);
    return cores > 0 ? cores : 1;
}

void callmeter_machine_time(uint64_t *all, uint64_t *stolen) {
    *all = 0;
    *stolen = 0;
    FILE *file = fopen("/proc/stat", "r");
    if (!file) return;
    // user nice system idle iowait irq softirq steal; the guests' times after it stand in user and nice already.
    uint64_t ticks[8] = {0};
    int found = fscanf(
        file,
        "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &ticks[0],
        &ticks[1], &ticks[2], &ticks[3], &ticks[4], &ticks[5], &ticks[6], &ticks[7]);
    fclose(file);
    for (int index = 0; index < found; index++) *all += ticks[index];
    if (found == 8) *stolen = ticks[7];
}
