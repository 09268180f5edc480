// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Completions: what became of published messages.  They come in the order of
 * sequence numbers.
 */
#include <errno.h>

#include "port.h"

static bool ready(const struct mqk_port *p)
{
	/* (E): the entry is read after its number */
	return __atomic_load_n(&p->comps[p->next & p->comps_mask].pos,
			       __ATOMIC_ACQUIRE) == p->next + 1;
}

static void release(struct mqk_port *p)
{
	if (p->released == p->next)
		return;
	/* (F): the entries are read before they may be overwritten */
	__atomic_store_n(&p->user->head, p->next, __ATOMIC_RELEASE);
	p->released = p->next;
}

int mqk_completion_next(struct mqk_port *p, struct mqk_completion *c)
{
	int err;

	if (!ready(p)) {
		release(p);
		err = __atomic_load_n(&p->page->error, __ATOMIC_ACQUIRE);
		/* What came before the end is read before it is told. */
		if (!err || !ready(p))
			return err;
	}
	*c = p->comps[p->next & p->comps_mask];
	if (c->type != MQK_COMPLETION_RETURN)
		p->confirmed = c->seq;
	p->next++;
	if (p->next - p->released > p->comps_mask / 4)
		release(p);
	return 1;
}

int mqk_port_wait(struct mqk_port *p, int64_t timeout)
{
	struct mqk_wait w = {
		.size = sizeof(w),
		.flags = MQK_WAIT_F_PORT,
		.id = p->id,
		.timeout = timeout,
	};
	int err;

	if (ready(p))
		return 1;
	release(p);
	err = mqk_ioctl(p->m, MQK_IOC_WAIT, &w);
	if (err == -EAGAIN || err == -ETIMEDOUT)
		return 0;
	return err < 0 ? err : 1;
}

static bool is_held(const struct mqk_port *p)
{
	return __atomic_load_n(&p->page->flags, __ATOMIC_RELAXED) &
	       MQK_PORT_PAGE_F_HELD;
}

int mqk_port_wait_room(struct mqk_port *p, int64_t timeout)
{
	struct mqk_wait w = {
		.size = sizeof(w),
		.flags = MQK_WAIT_F_ROOM,
		.id = p->id,
		.timeout = timeout,
	};
	int err;

	err = mqk_ioctl(p->m, MQK_IOC_WAIT, &w);
	if (err == -EAGAIN || err == -ETIMEDOUT)
		return 0;
	return err < 0 ? err : 1;
}

uint64_t mqk_port_confirmed(const struct mqk_port *p)
{
	return p->confirmed;
}

/* Read what is there; keep the first refusal unless somebody is told. */
static int drain(struct mqk_port *p)
{
	struct mqk_completion c;
	int ret, n = 0;

	while ((ret = mqk_completion_next(p, &c)) > 0) {
		n++;
		if (c.type == MQK_COMPLETION_CONFIRM)
			continue;
		if (p->refused)
			p->refused(p->arg, &c);
		else if (!p->refusal)
			p->refusal = c.result < 0 ? c.result : -EIO;
	}
	return ret < 0 ? ret : n;
}

int mqk_confirm_wait(struct mqk_port *p, uint64_t seq, int64_t timeout)
{
	uint64_t start = timeout > 0 ? mqk_now() : 0;
	int ret, flushed;

	if (!p->confirm || seq > p->ring.seq)
		return -EINVAL;
	if (!seq)
		seq = p->ring.seq;
	for (;;) {
		flushed = mqk_flush(p);
		if (flushed < 0 && flushed != -EAGAIN)
			return flushed;
		ret = drain(p);
		if (p->confirmed >= seq) {
			ret = p->refusal;
			p->refusal = 0;
			return ret;
		}
		if (ret < 0)
			return ret;
		/* There is room for completions again. */
		if (flushed == -EAGAIN && ret > 0)
			continue;
		/* What waits for room is not confirmed before it has some. */
		ret = flushed == -EAGAIN && is_held(p) ?
		      mqk_port_wait_room(p, mqk_timeout_left(timeout, start)) :
		      mqk_port_wait(p, mqk_timeout_left(timeout, start));
		if (ret <= 0)
			return ret ? ret : -ETIMEDOUT;
	}
}
