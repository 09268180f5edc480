/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * A session on the kernel of fake.c with a port and a consumer, and messages
 * that tell whether they are whole.
 */
#ifndef MQK_TEST_RIG_H
#define MQK_TEST_RIG_H

#include "check.h"
#include "fake.h"
#include "../consumer.h"
#include "../port.h"

extern struct mqk *m;
extern struct mqk_port *p;
extern struct mqk_consumer *c;
extern struct mqk_msg msg;

#define PORT(...)							\
	(&(struct mqk_port_opts){ .sz = sizeof(struct mqk_port_opts),	\
				  __VA_ARGS__ })
#define CONSUMER(...)							\
	(&(struct mqk_consumer_opts){					\
		.sz = sizeof(struct mqk_consumer_opts), __VA_ARGS__ })

/* A new kernel; NULL for co: no consumer. */
void begin(const struct mqk_port_opts *po, const struct mqk_consumer_opts *co);
/* Also checks that all that was mapped or taken has been given back. */
void end(void);

/* A payload that tells its number and length at every place. */
void fill(unsigned char *to, size_t len, uint32_t n);
bool filled(const void *from, size_t len, uint32_t n);
/* Publish one in place; n is its exchange as well. */
int put(uint32_t n, size_t len);

#define EXPECT_NEXT(n, len)						\
	do {								\
		CHECK_EQ(mqk_next(c, &msg), 1);				\
		CHECK_EQ(msg.d.exchange, n);				\
		CHECK_EQ(msg.d.payload_len, len);			\
		CHECK(filled(msg.payload, len, n));			\
	} while (0)

#endif /* MQK_TEST_RIG_H */
