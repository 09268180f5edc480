/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * Inside of libmqk: ports.
 *
 * The ring comes first: the inline functions of ring.h know only that part.
 *
 * Threads: a port is used by one thread at a time; nothing here is locked.
 */
#ifndef MQK_LIB_PORT_H
#define MQK_LIB_PORT_H

#include "session.h"

struct mqk_port {
	struct mqk_port_ring ring;
	struct mqk *m;
	uint32_t id;
	bool confirm;
	bool numbered;			/* publishes for a producer */
	uint64_t last;			/* taken from it before */
	uint64_t number;		/* of the next copy, 0: what comes next */
	uint32_t replies_to;		/* the default exchange, once it is asked */
	/* completions */
	const struct mqk_completion *comps;
	uint32_t comps_mask;
	uint64_t next;			/* read */
	uint64_t released;		/* published as head */
	uint64_t confirmed;		/* accounted for up to here */
	int refusal;			/* first one, not told yet */
	void (*refused)(void *arg, const struct mqk_completion *c);
	void *arg;
	/* shared pages */
	struct mqk_port_page *page;
	uint64_t page_size;
	struct mqk_port_user *user;
	uint64_t user_size;
	/* where segments appear, and one larger than that */
	void *window;
	uint64_t window_offset;
	uint64_t window_size;
	void *jumbo;
	uint64_t jumbo_size;
};

#endif /* MQK_LIB_PORT_H */
