// SPDX-License-Identifier: Apache-2.0
// SIP datagrams: many sends in one call straight from the engine's output buffer, and the socket error queue that
// tells which destination an ICMP message was about (ip(7), IP_RECVERR).
#ifndef CALLMETER_CNET_DATAGRAM_H
#define CALLMETER_CNET_DATAGRAM_H

#include <stddef.h>
#include <stdint.h>

// An address as the engine keeps it: IPv4 in the low half of `low`, host byte order.
struct callmeter_endpoint {
    uint64_t high;
    uint64_t low;
    uint16_t port;
    uint8_t is_v6;
};

// One datagram to send: `length` bytes at `offset` of a common buffer.
struct callmeter_datagram {
    struct callmeter_endpoint destination;
    uint32_t offset;
    uint32_t length;
};

// What the error queue tells of one datagram sent earlier: its destination and the errno that ICMP stands for.
struct callmeter_datagram_error {
    struct callmeter_endpoint destination;
    int32_t code;
    uint8_t has_destination;
};

// Reads a struct sockaddr of IPv4 or IPv6. Returns 1, or 0 for another family.
int callmeter_endpoint_read(const void *sockaddr, struct callmeter_endpoint *endpoint);

// Sends `count` datagrams of the buffer at `base`. Returns how many left, in order; fewer than `count` leaves the
// errno that stopped it in `error`, otherwise 0.
int callmeter_datagrams_send(int descriptor, const void *base, const struct callmeter_datagram *datagrams, int count,
                             int *error);

// Turns the error queue on for a UDP socket. Returns 0 or an errno.
int callmeter_error_queue_enable(int descriptor, int is_v6);

// Takes one entry off the error queue without blocking. Returns 1 with an entry, 0 when the queue is empty.
int callmeter_error_queue_take(int descriptor, struct callmeter_datagram_error *entry);

// The local address the system would send from to reach `remote`, by its routing table; sends nothing. Returns 0 or an
// errno.
int callmeter_route_source(const struct callmeter_endpoint *remote, struct callmeter_endpoint *local);

#endif
