// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Transactions, and consuming and publishing in one.
 */
#include <errno.h>

#include "consumer.h"
#include "port.h"

static int transact(struct mqk *m, uint32_t flag)
{
	struct mqk_tx tx = { .size = sizeof(tx), .flags = flag };

	return mqk_ioctl(m, MQK_IOC_TX, &tx);
}

int mqk_tx_begin(struct mqk *m)
{
	return transact(m, MQK_TX_F_BEGIN);
}

int mqk_tx_commit(struct mqk *m)
{
	return transact(m, MQK_TX_F_COMMIT);
}

int mqk_tx_rollback(struct mqk *m)
{
	return transact(m, MQK_TX_F_ROLLBACK);
}

/* The messages of one transaction of mqk_process(). */
struct batch {
	uint64_t tag[MQK_TX_SETTLEMENTS_MAX];
	int nr;
	bool failed;			/* the last one has */
};

/* Process what is there, in the transaction that has begun. */
static int process_some(struct mqk_consumer *c, struct mqk_msg *msg, int max,
			mqk_process_fn *fn, void *arg, struct batch *b)
{
	int ret;

	do {
		b->tag[b->nr++] = msg->d.tag;
		ret = fn(msg, arg);
		if (ret < 0) {
			b->failed = true;
			return ret;
		}
		ret = mqk_ack(c, msg->d.tag);
		if (ret < 0)
			return ret;
		ret = b->nr < max ? mqk_next(c, msg) : 0;
	} while (ret > 0);
	return ret;
}

/* The transaction is over, and nothing has happened: all go back, one has failed. */
static void give_back(struct mqk_consumer *c, const struct batch *b)
{
	bool failed;
	int i;

	/* what cannot be said now comes back when the consumer is closed */
	for (i = 0; i < b->nr; i++) {
		failed = b->failed && i == b->nr - 1;
		if (failed ? mqk_reject(c, b->tag[i], true) :
			     mqk_nack(c, b->tag[i], true, false))
			break;
	}
	mqk_settle(c);
}

int mqk_process(struct mqk_consumer *c, mqk_process_fn *fn, void *arg, int max,
		int64_t timeout)
{
	struct batch b = { .nr = 0 };
	struct mqk_msg msg;
	int ret;

	if (!fn || max < 1 || max > MQK_TX_SETTLEMENTS_MAX || mqk_consumer_noack(c) ||
	    mqk_consumer_pulls(c))
		return -EINVAL;
	ret = mqk_recv(c, &msg, timeout);
	if (ret <= 0)
		return ret;
	ret = mqk_tx_begin(c->m);
	if (ret < 0) {
		mqk_nack(c, msg.d.tag, true, false);
		return ret;
	}
	ret = process_some(c, &msg, max, fn, arg, &b);
	if (ret < 0)
		mqk_tx_rollback(c->m);
	else
		ret = mqk_tx_commit(c->m);
	if (ret >= 0)
		return b.nr;
	give_back(c, &b);
	return ret;
}
