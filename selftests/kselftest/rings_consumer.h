/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A consumer as a test program holds it: its delivery ring, its ring of
 * acknowledgements, and the records that deliveries refer to.
 */
#ifndef MQK_TEST_RINGS_CONSUMER_H
#define MQK_TEST_RINGS_CONSUMER_H

#include "lib.h"

struct consumer {
	int fd;
	struct mqk_consumer_create c;
	const struct mqk_consumer_page *k;
	struct mqk_consumer_user *u;
	const struct mqk_delivery *ring;
	struct mqk_ack *acks;
	__u64 head;			/* deliveries read */
	__u64 ack_tail;
};

/* @entries must be given; @queue is NULL with F_PULL.  Maps everything. */
int consumer_make(struct consumer *c, int fd, const char *queue, __u32 flags,
		  __u32 prefetch, __u32 entries);
/* The same with arguments; @h may be NULL. */
int consumer_make_args(struct consumer *c, int fd, const char *queue,
		       __u32 flags, __u32 prefetch, __u32 entries,
		       const struct headers *h);
int consumer_cancel(struct consumer *c);
int consumer_close(struct consumer *c);
void consumer_unmap(struct consumer *c);
int consumer_prefetch(struct consumer *c, __u32 prefetch);

/* Whether entry head + 1 + @ahead lies in the ring. */
bool consumer_there(const struct consumer *c, __u32 ahead);
/* Entries that lie there unread. */
__u32 consumer_count(const struct consumer *c);
/* Copy the next entry and pass it: 0; -EAGAIN when there is none. */
int consumer_poll(struct consumer *c, struct mqk_delivery *d);
/* The same, waiting up to @ms: 0, or -errno of MQK_IOC_WAIT. */
int consumer_next(struct consumer *c, struct mqk_delivery *d, int ms);
int consumer_wait(struct consumer *c, __s64 timeout_ns);

/* Write an acknowledgement; the kernel may not have looked yet. */
void consumer_ack(struct consumer *c, __u64 tag, __u32 op, __u32 flags);
/* Number settled, or -errno. */
int consumer_kick(struct consumer *c);
/* Write one acknowledgement and kick. */
int consumer_settle(struct consumer *c, __u64 tag, __u32 op, __u32 flags);

int queue_get(int fd, __u32 consumer, __u32 queue, __u32 flags,
	      __s64 timeout_ns, struct mqk_delivery *d, __u64 *ready);

/* Where the record of @d is mapped (mapping its segment if need be), or NULL. */
const void *record_map(int fd, const struct mqk_delivery *d);
const void *delivery_payload(int fd, const struct mqk_delivery *d);
/* The 4-byte number of a message by port_number(); ~0u if it is none. */
__u32 delivery_number(int fd, const struct mqk_delivery *d);
/* Copy the payload with MQK_IOC_READ: bytes, or -errno. */
__s64 delivery_read(struct consumer *c, const struct mqk_delivery *d,
		    void *to, __u64 room);
/* Forget segment mappings of @fd (they are unmapped). */
void record_unmap(int fd);

/* Take @n deliveries, waiting for each; append their numbers to @numbers and
 * their tags to @tags (each may be NULL).  How many came.
 */
__u32 take_numbers(struct consumer *c, __u32 n, __u32 *numbers, __u64 *tags);
/* The next delivery's number, or -errno; @d may be NULL. */
__s64 take_number(struct consumer *c, struct mqk_delivery *d, int ms);

#endif /* MQK_TEST_RINGS_CONSUMER_H */
