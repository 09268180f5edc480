// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * What the tests of the rings share.
 */
#include "rig.h"

struct mqk *m;
struct mqk_port *p;
struct mqk_consumer *c;
struct mqk_msg msg;

void begin(const struct mqk_port_opts *po,
	   const struct mqk_consumer_opts *co)
{
	fake_reset();
	CHECK_EQ(mqk_open(FAKE_NODE, 0, &m), 0);
	CHECK_EQ(mqk_port_open(m, po, &p), 0);
	c = NULL;
	if (co)
		CHECK_EQ(mqk_consume(m, "q", co, &c), 0);
}

void end(void)
{
	mqk_port_close(p);
	mqk_consumer_close(c);
	mqk_close(m);
	CHECK_EQ(fake_counts().mappings, 0);
	CHECK_EQ(fake_counts().bad_records, 0);
	if (!fake_ready())
		CHECK_EQ(fake_counts().segments, 0);
}

void fill(unsigned char *to, size_t len, uint32_t n)
{
	size_t i;

	for (i = 0; i < len; i++)
		to[i] = (unsigned char)(n * 7 + i * 13 + len);
}

bool filled(const void *from, size_t len, uint32_t n)
{
	const unsigned char *b = from;
	size_t i;

	for (i = 0; i < len; i++)
		if (b[i] != (unsigned char)(n * 7 + i * 13 + len))
			return false;
	return true;
}

int put(uint32_t n, size_t len)
{
	void *to;
	int err;

	err = mqk_reserve(p, n, &n, sizeof(n), NULL, 0, len, 0, &to);
	if (err)
		return err;
	fill(to, len, n);
	return mqk_commit(p);
}
