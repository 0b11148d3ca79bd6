// SPDX-License-Identifier: Apache-2.0
//
// RTP: UDP in batches with the kernel's receive times, epoll, wake-ups from other threads, and the threads themselves.
// Only plain numbers and structures cross, so that no system header is imported with it. Functions that can fail return a
// negative errno. Nothing here allocates but callmeter_thread_start.

#ifndef CALLMETER_CNET_MEDIA_H
#define CALLMETER_CNET_MEDIA_H

#include <stdint.h>

#include "CNetDatagram.h"

// A socket address in the form the system calls take: a sockaddr_in or sockaddr_in6 and its length.
typedef struct callmeter_address {
    uint64_t storage[4];
    uint32_t length;
} callmeter_address;

void callmeter_address_set(callmeter_address *address, const struct callmeter_endpoint *endpoint);
// Reads an address back. Returns 1, or 0 for another family.
int callmeter_address_get(const callmeter_address *address, struct callmeter_endpoint *endpoint);

// Opens a non-blocking UDP socket that stamps what it receives, queues ICMP errors and is bound to an address. Returns the
// descriptor. receive_buffer and send_buffer in bytes; 0 leaves the system's size.
int callmeter_udp_open(const callmeter_address *local, int receive_buffer, int send_buffer);
// The address a socket is bound to.
int callmeter_local_address(int descriptor, callmeter_address *address);
void callmeter_close(int descriptor);

// One datagram to receive into.
typedef struct callmeter_packet {
    // The bytes.
    void *data;
    // Room for them.
    uint32_t capacity;
    // How many arrived.
    uint32_t length;
    // Where it came from.
    callmeter_address peer;
    // When the kernel received it, nanoseconds since 1970; 0 when it did not say.
    int64_t arrival;
    // Whether it was longer than the room for it.
    int32_t truncated;
} callmeter_packet;

// The most datagrams that callmeter_receive takes in one call.
#define CALLMETER_BATCH 32

// Receives up to count datagrams without waiting. Returns how many, 0 when none is there, or a negative errno. An error
// that ICMP brought is reported once, by ECONNREFUSED and the like.
int callmeter_receive(int descriptor, callmeter_packet *datagrams, int count);
// Sends one datagram. Returns 0 or a negative errno.
int callmeter_send(int descriptor, const void *data, uint32_t length, const callmeter_address *to);

// Datagrams the kernel dropped for a socket because its buffer was full, since it was opened (SO_MEMINFO).
int64_t callmeter_drops(int descriptor);

// A new epoll instance.
int callmeter_epoll_create(void);
// Watches a descriptor for reading and errors, level-triggered.
int callmeter_epoll_add(int epoll, int descriptor, uint64_t token);
// Watches a descriptor for room to write as well, or no longer.
int callmeter_epoll_writing(int epoll, int descriptor, uint64_t token, int on);
int callmeter_epoll_remove(int epoll, int descriptor);

// What became ready.
typedef struct callmeter_event {
    uint64_t token;
    int32_t readable;
    int32_t writable;
    int32_t error;
} callmeter_event;

// The most events of one call.
#define CALLMETER_EVENTS 256

// Waits for events, at most timeout nanoseconds; negative waits without end. Returns how many.
int callmeter_epoll_wait(int epoll, callmeter_event *events, int capacity, int64_t timeout);

// An eventfd: wakes an epoll instance from another thread.
int callmeter_wake_create(void);
// Watches an eventfd so that each signal is told once and it need not be drained.
int callmeter_wake_watch(int epoll, int descriptor, uint64_t token);
void callmeter_wake_signal(int descriptor);
void callmeter_wake_drain(int descriptor);

// CPU time of the calling thread in nanoseconds.
int64_t callmeter_thread_cpu(void);

typedef struct callmeter_thread callmeter_thread;
// Starts a thread with a name of at most 15 characters. Null when the system has no more threads.
callmeter_thread *callmeter_thread_start(const char *name, void (*run)(void *), void *context);
// Waits for its end and gives its memory back.
void callmeter_thread_join(callmeter_thread *thread);

#endif
