// SPDX-License-Identifier: Apache-2.0

#ifndef CALLMETER_CNET_PROCESS_H
#define CALLMETER_CNET_PROCESS_H

#include <stdint.h>

// Memory of this process in bytes: resident pages, those shared with other processes by their share (proc(5), smaps_rollup,
// Pss). What the allocator keeps free for later is given back first: it is nobody's. -1 where the system does not tell.
int64_t callmeter_memory_used(void);

// Whether somebody keeps the system's clock right (adjtimex(2), STA_UNSYNC): 1, 0, or -1 where the system does not tell.
int callmeter_clock_is_set(void);

#endif
