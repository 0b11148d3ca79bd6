// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "include/CNetDatagram.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// As many as one sendmmsg takes without a large stack; a read cycle brings at most 32 datagrams per socket.
#define DATAGRAMS_PER_CALL 64

static socklen_t write_sockaddr(const struct callmeter_endpoint *from, struct sockaddr_storage *to) {
    if (from->is_v6) {
        struct sockaddr_in6 *address = (struct sockaddr_in6 *)to;
        memset(address, 0, sizeof *address);
        address->sin6_family = AF_INET6;
        address->sin6_port = htons(from->port);
        for (int i = 0; i < 8; i++) {
            address->sin6_addr.s6_addr[i] = (uint8_t)(from->high >> (56 - 8 * i));
            address->sin6_addr.s6_addr[8 + i] = (uint8_t)(from->low >> (56 - 8 * i));
        }
        return sizeof *address;
    }
    struct sockaddr_in *address = (struct sockaddr_in *)to;
    memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    address->sin_port = htons(from->port);
    address->sin_addr.s_addr = htonl((uint32_t)from->low);
    return sizeof *address;
}

int callmeter_endpoint_read(const void *from, struct callmeter_endpoint *to) {
    memset(to, 0, sizeof *to);
    sa_family_t family = ((const struct sockaddr *)from)->sa_family;
    if (family == AF_INET6) {
        const struct sockaddr_in6 *address = from;
        to->is_v6 = 1;
        to->port = ntohs(address->sin6_port);
        for (int i = 0; i < 8; i++) {
            to->high = to->high << 8 | address->sin6_addr.s6_addr[i];
            to->low = to->low << 8 | address->sin6_addr.s6_addr[8 + i];
        }
        return 1;
    }
    if (family == AF_INET) {
        const struct sockaddr_in *address = from;
        to->port = ntohs(address->sin_port);
        to->low = ntohl(address->sin_addr.s_addr);
        return 1;
    }
    return 0;
}

// Datagrams of one length to one destination leave as one buffer that the kernel cuts (UDP_SEGMENT, Linux 4.18): they pass its
// layers once, not once each. Larger ones might not fit the way's MTU, which the kernel refuses.
#define SEGMENTS_PER_BUFFER 32
#define LARGEST_SEGMENT 1400

// Set once a kernel or an interface refused segments; from then on each datagram is sent by itself.
static _Atomic int segments_are_refused;

union segment_control {
    char bytes[CMSG_SPACE(sizeof(uint16_t))];
    struct cmsghdr aligned;
};

// How many datagrams from `first` on may leave as one buffer: one length, but for a shorter last one, and one destination.
static int segments_from(const struct callmeter_datagram *first, int count) {
    if (atomic_load_explicit(&segments_are_refused, memory_order_relaxed) || first->length > LARGEST_SEGMENT) return 1;
    int limit = count < SEGMENTS_PER_BUFFER ? count : SEGMENTS_PER_BUFFER;
    int segments = 1;
    while (segments < limit && first[segments].length <= first->length && first[segments].length > 0 &&
           first[segments].destination.low == first->destination.low &&
           first[segments].destination.high == first->destination.high &&
           first[segments].destination.port == first->destination.port &&
           first[segments].destination.is_v6 == first->destination.is_v6) {
        segments++;
        if (first[segments - 1].length < first->length) break;
    }
    return segments;
}

static void set_segment_length(struct msghdr *message, union segment_control *control, uint16_t length) {
    message->msg_control = control->bytes;
    message->msg_controllen = sizeof control->bytes;
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    header->cmsg_level = SOL_UDP;
    header->cmsg_type = UDP_SEGMENT;
    header->cmsg_len = CMSG_LEN(sizeof length);
    memcpy(CMSG_DATA(header), &length, sizeof length);
}

int callmeter_datagrams_send(int descriptor, const void *base, const struct callmeter_datagram *datagrams, int count,
                             int *error) {
    struct mmsghdr messages[DATAGRAMS_PER_CALL];
    struct iovec vectors[DATAGRAMS_PER_CALL];
    struct sockaddr_storage addresses[DATAGRAMS_PER_CALL];
    union segment_control controls[DATAGRAMS_PER_CALL];
    int spans[DATAGRAMS_PER_CALL];
    int done = 0;
    int failed_at = -1;
    *error = 0;
    while (done < count) {
        int batch = count - done < DATAGRAMS_PER_CALL ? count - done : DATAGRAMS_PER_CALL;
        int buffers = 0;
        for (int i = 0; i < batch; i += spans[buffers++]) {
            const struct callmeter_datagram *datagram = &datagrams[done + i];
            int span = segments_from(datagram, batch - i);
            for (int k = i; k < i + span; k++) {
                vectors[k].iov_base = (uint8_t *)base + datagrams[done + k].offset;
                vectors[k].iov_len = datagrams[done + k].length;
            }
            struct msghdr *message = &messages[buffers].msg_hdr;
            memset(&messages[buffers], 0, sizeof messages[buffers]);
            message->msg_name = &addresses[buffers];
            message->msg_namelen = write_sockaddr(&datagram->destination, &addresses[buffers]);
            message->msg_iov = &vectors[i];
            message->msg_iovlen = (size_t)span;
            if (span > 1) set_segment_length(message, &controls[buffers], (uint16_t)datagram->length);
            spans[buffers] = span;
        }
        int sent = sendmmsg(descriptor, messages, (unsigned)buffers, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EINTR) continue;
            // A socket with an error queue tells of an earlier datagram's ICMP answer here, and has sent nothing: once more.
            if (errno != EAGAIN && errno != ENOBUFS && failed_at != done) {
                failed_at = done;
                continue;
            }
            if (spans[0] > 1 && (errno == EINVAL || errno == EIO || errno == EMSGSIZE || errno == EOPNOTSUPP)) {
                atomic_store_explicit(&segments_are_refused, 1, memory_order_relaxed);
                continue;
            }
            *error = errno;
            return done;
        }
        for (int i = 0; i < sent; i++) done += spans[i];
    }
    return done;
}

int callmeter_error_queue_enable(int descriptor, int is_v6) {
    int on = 1;
    int result = is_v6 ? setsockopt(descriptor, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on)
                       : setsockopt(descriptor, IPPROTO_IP, IP_RECVERR, &on, sizeof on);
    return result == 0 ? 0 : errno;
}

int callmeter_error_queue_take(int descriptor, struct callmeter_datagram_error *entry) {
    uint8_t control[512];
    uint8_t payload[1];  // The copy of our own datagram is not wanted; only its head is taken.
    struct sockaddr_storage address;
    memset(&address, 0, sizeof address);
    struct iovec vector = {.iov_base = payload, .iov_len = sizeof payload};
    struct msghdr message = {
        .msg_name = &address,
        .msg_namelen = sizeof address,
        .msg_iov = &vector,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof control,
    };
    ssize_t length;
    do {
        length = recvmsg(descriptor, &message, MSG_ERRQUEUE | MSG_DONTWAIT);
    } while (length < 0 && errno == EINTR);
    if (length < 0) return 0;
    memset(entry, 0, sizeof *entry);
    if (message.msg_namelen > 0) entry->has_destination = (uint8_t)callmeter_endpoint_read(&address, &entry->destination);
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        int is_error = (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_RECVERR) ||
                       (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_RECVERR);
        if (is_error) {
            struct sock_extended_err detail;
            memcpy(&detail, CMSG_DATA(header), sizeof detail);
            entry->code = (int32_t)detail.ee_errno;
        }
    }
    return 1;
}

int callmeter_route_source(const struct callmeter_endpoint *remote, struct callmeter_endpoint *local) {
    struct sockaddr_storage address;
    int descriptor = socket(remote->is_v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return errno;
    int result = 0;
    socklen_t length = write_sockaddr(remote, &address);
    if (connect(descriptor, (struct sockaddr *)&address, length) != 0) {
        result = errno;
    } else {
        length = sizeof address;
        if (getsockname(descriptor, (struct sockaddr *)&address, &length) != 0) {
            result = errno;
        } else if (!callmeter_endpoint_read(&address, local)) {
            result = EAFNOSUPPORT;
        }
    }
    close(descriptor);
    return result;
}
