// SPDX-License-Identifier: Apache-2.0

#ifndef CALLMETER_CNET_PROCESS_H
#define CALLMETER_CNET_PROCESS_H

#include <stdint.h>

// Memory of this process in bytes: resident pages, those shared with other processes by their share (proc(5), smaps_rollup,
// Pss). What the allocator keeps free for later is given back first: it is nobody's. -1 where the system does not tell.
int64_t callmeter_memory_used(void);

// Whether somebody keeps the system's clock right (adjtimex(2), STA_UNSYNC): 1, 0, or -1 where the system does not tell.
int callmeter_clock_is_set(void);

// Processor time of this process so far, user and system, in microseconds.
uint64_t callmeter_processor_time(void);

// Cores that this process may run on (sched_getaffinity(2)); at least 1.
int callmeter_cores(void);

// Time of all cores of this machine since it started, in ticks, and how much of it the host gave to others (proc(5), stat).
// Both 0 where the system does not tell.
void callmeter_machine_time(uint64_t *all, uint64_t *stolen);

#endif
