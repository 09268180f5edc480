// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fanout exchanges: a message goes to every queue that is bound, whatever the
 * keys (AMQP 0-9-1, exchange type fanout).
 */
#include "exchange.h"

#include <linux/rculist.h>
#include <linux/mqk.h>

static int fanout_init(struct mqk_exchange *x)
{
	INIT_LIST_HEAD(&x->all.bindings);
	return 0;
}

static void fanout_destroy(struct mqk_exchange *x)
{
}

static struct mqk_bindset *fanout_get_set(struct mqk_exchange *x,
					  const struct mqk_binding_id *id)
{
	return &x->all;
}

static void fanout_put_set(struct mqk_exchange *x, struct mqk_bindset *set)
{
}

static int fanout_route(struct mqk_exchange *x, const u8 *key, u32 len,
			struct mqk_targets *targets)
{
	return mqk_targets_add(targets, &x->all);
}

const struct mqk_exchange_ops mqk_exchange_fanout = {
	.type = MQK_EXCHANGE_FANOUT,
	.name = "fanout",
	.args = MQK_EXCHANGE_ARG_ALTERNATE,
	.init = fanout_init,
	.destroy = fanout_destroy,
	.get_set = fanout_get_set,
	.put_set = fanout_put_set,
	.route = fanout_route,
};
