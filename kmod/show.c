// SPDX-License-Identifier: GPL-2.0-only
/*
 * `cat /dev/mqk/NAME`.
 *
 * Positions: 0 is the head of the exchanges, then their ids; QUEUES is the
 * head of the queues, then their ids from there.  So a reader that comes back
 * goes on where it was, whatever came and went meanwhile.
 */
#include "show.h"

#include <linux/mqk.h>
#include <linux/seq_file.h>
#include <linux/xarray.h>

#include "broker.h"
#include "exchange.h"
#include "extra.h"
#include "queue.h"
#include "reply.h"
#include "session.h"

#define QUEUES	(1ll << 32)

/* Names are bytes of anybody's: nothing that moves a cursor gets through. */
static void show_name(struct seq_file *m, const u8 *name, u32 len)
{
	u32 i;

	for (i = 0; i < len; i++) {
		if (name[i] > ' ' && name[i] != 0x7f && name[i] != '\\')
			seq_putc(m, name[i]);
		else
			seq_printf(m, "\\%03o", name[i]);
	}
	if (!len)
		seq_puts(m, "(default)");
}

static void *next_at(struct mqk_broker *broker, loff_t *pos)
{
	unsigned long id = *pos & (QUEUES - 1);
	void *object;

	if (*pos < QUEUES) {
		object = xa_find(&broker->exchanges, &id, INT_MAX, XA_PRESENT);
		*pos = object ? id : QUEUES;
		return object ?: SEQ_START_TOKEN;
	}
	object = xa_find(&broker->queues, &id, INT_MAX, XA_PRESENT);
	*pos = QUEUES + id;
	return object;
}

static void *show_start(struct seq_file *m, loff_t *pos)
	__acquires(RCU)
{
	struct mqk_session *s = m->private;

	rcu_read_lock();
	if (!*pos || *pos == QUEUES)
		return SEQ_START_TOKEN;
	return next_at(s->broker, pos);
}

static void *show_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct mqk_session *s = m->private;

	++*pos;
	return next_at(s->broker, pos);
}

static void show_stop(struct seq_file *m, void *v)
	__releases(RCU)
{
	rcu_read_unlock();
}

static void show_exchange(struct seq_file *m, const struct mqk_exchange *x)
{
	seq_printf(m, "%-8s %10llu  ", x->ops->name, READ_ONCE(x->nr_bindings));
	show_name(m, x->name, x->name_len);
	seq_putc(m, '\n');
}

static void show_queue(struct seq_file *m, struct mqk_session *s,
		       struct mqk_queue *q)
{
	u64 ready, unacked, scheduled, bytes;
	u32 consumers;

	spin_lock(&q->lock);
	ready = q->ready;
	unacked = q->unacked;
	scheduled = q->keep ? q->keep->schedule.nr : 0;
	bytes = q->bytes;
	consumers = q->nr_consumers;
	spin_unlock(&q->lock);
	seq_printf(m, "%10llu %10llu %10llu %12llu %9u  ", ready, unacked, scheduled,
		   bytes, consumers);
	show_name(m, q->name, mqk_reply_known(q, s));
	seq_putc(m, '\n');
}

static void show_head(struct seq_file *m, struct mqk_broker *broker)
{
	u64 queue = 0, limit = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		queue += READ_ONCE(per_cpu_ptr(broker->counters, cpu)->held_queue);
		limit += READ_ONCE(per_cpu_ptr(broker->counters, cpu)->held_limit);
	}
	seq_printf(m, "broker %s\n", broker->name);
	if (queue || limit)
		seq_printf(m, "ports held back: %llu by queues, %llu by limits\n", queue,
			   limit);
	seq_printf(m, "\n%-8s %10s  exchange\n", "type", "bindings");
}

static int show_line(struct seq_file *m, void *v)
{
	struct mqk_session *s = m->private;

	if (v == SEQ_START_TOKEN && m->index < QUEUES)
		show_head(m, s->broker);
	else if (v == SEQ_START_TOKEN)
		seq_printf(m, "\n%10s %10s %10s %12s %9s  queue\n", "ready", "unacked",
			   "scheduled", "bytes", "consumers");
	else if (m->index < QUEUES)
		show_exchange(m, v);
	else
		show_queue(m, s, v);
	return 0;
}

const struct seq_operations mqk_show_ops = {
	.start = show_start,
	.next = show_next,
	.stop = show_stop,
	.show = show_line,
};
