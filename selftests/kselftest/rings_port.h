/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A port as a test program holds it: either transport behind one function
 * (port_publish), and every step of the in-place protocol on its own, so that a
 * test can stop, or cheat, between any two of them.
 */
#ifndef MQK_TEST_RINGS_PORT_H
#define MQK_TEST_RINGS_PORT_H

#include "lib.h"

struct port {
	int fd;
	bool inplace;
	struct mqk_port_create c;
	const struct mqk_port_page *k;
	struct mqk_port_user *u;
	const struct mqk_completion *ring;
	__u64 head;			/* completions read */
	struct mqk_port_segment seg;	/* the open one; generation 0: none */
	__u8 *window;
	__u8 *open;			/* where the open segment lies */
	__u64 at;			/* where the next record begins */
};

/* A message, as for MQK_IOC_PUBLISH, with the pointers as pointers. */
struct msg {
	__u32 exchange;
	__u32 flags;
	const void *key;
	__u8 key_len;
	const void *headers;
	__u16 headers_len;
	const void *payload;
	__u32 payload_len;
	__u8 priority;
	__u32 expiration;		/* with MQK_MSG_F_EXPIRATION */
	__u32 delay;			/* with MQK_MSG_F_DELAY */
	__u64 number;			/* of a producer; 0: what comes next */
};

/* @entries must be given; maps everything. */
int port_make(struct port *p, int fd, __u32 flags, __u32 entries);
/* The same for a producer; 0 of @mode is the default. */
int port_make_for(struct port *p, int fd, __u32 flags, __u32 entries,
		  const char *producer, __u32 mode);
int port_close(struct port *p);
/* Close it and forget its producer. */
int port_forget(struct port *p);
/* Take away the mappings; the port itself stays until its session closes. */
void port_unmap(struct port *p);

/* Publish one message by the port's own transport, and ring. */
int port_publish(struct port *p, const struct msg *m);
/* The same for @n, in one call: PUBLISH or DOORBELL.  Number taken, or -errno. */
int port_publish_batch(struct port *p, const struct msg *m, __u32 n);
/* Publish @number, of 4 bytes, with @key. */
int port_number(struct port *p, __u32 exchange, const char *key, __u32 number);
/* Numbers @from to @to, each with a call of its own; 0, or the first -errno. */
int port_numbers(struct port *p, __u32 exchange, const char *key, __u32 from,
		 __u32 to);

/* In place: hand over, then open a segment with room for @min_size. */
int port_segment(struct port *p, __u64 min_size);
/* Room for a record, after a hand-over if needed; NULL with errno. */
struct mqk_record *port_reserve(struct port *p, __u8 key_len, __u16 headers_len,
				__u32 payload_len);
/* Everything but the commit word. */
void port_fill(struct mqk_record *r, const struct msg *m);
void port_commit(struct port *p, struct mqk_record *r);
/* reserve, fill, commit; no doorbell.  0 or -errno */
int port_place(struct port *p, const struct msg *m);
/* Say which number the next record has; no doorbell. */
int port_place_number(struct port *p, __u64 number);
/* Records taken, or -errno. */
int port_doorbell(struct port *p);
void *record_payload(struct mqk_record *r);

/* The next completion, waiting up to @ms: 0, or -errno. */
int port_completion(struct port *p, struct mqk_completion *out, int ms);
/* How many completions lie there unread. */
__u32 port_completions(const struct port *p);
/* Read completions until one covers @seq: 0 when it was a confirm, the error of
 * an ERROR for @seq, or -errno.  @returns counts RETURNs, may be NULL.
 */
int port_confirmed(struct port *p, __u64 seq, __u32 *returns);

#endif /* MQK_TEST_RINGS_PORT_H */
