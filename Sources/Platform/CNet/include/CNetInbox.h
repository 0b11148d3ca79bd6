// SPDX-License-Identifier: Apache-2.0
//
// SIP datagrams of many sockets on one thread: one set of buffers that all of them share, so that an idle socket costs no
// memory of the process. Functions that can fail return a negative errno.

#ifndef CALLMETER_CNET_INBOX_H
#define CALLMETER_CNET_INBOX_H

#include <stdint.h>

#include "CNetDatagram.h"

// The most datagrams that one call receives.
#define CALLMETER_INBOX_SLOTS 32

typedef struct callmeter_inbox callmeter_inbox;

// Buffers for CALLMETER_INBOX_SLOTS datagrams of the largest size; pages nobody writes to cost nothing. Null without memory.
callmeter_inbox *callmeter_inbox_create(void);
void callmeter_inbox_destroy(callmeter_inbox *inbox);

// Receives up to count datagrams without waiting. Returns how many, 0 when none is there.
int callmeter_inbox_receive(callmeter_inbox *inbox, int descriptor, int count);

// The bytes of a datagram received by the last call, its length and its source. Null when the source is of another family.
const void *callmeter_inbox_datagram(const callmeter_inbox *inbox, int index, uint32_t *length,
                                     struct callmeter_endpoint *source);

// Opens a non-blocking UDP socket that queues ICMP errors, bound to an address; `bound` is what it was given. Buffer size in
// bytes, 0 leaves the system's. Returns the descriptor.
int callmeter_inbox_open(const struct callmeter_endpoint *local, int buffer_size, struct callmeter_endpoint *bound);

#endif
