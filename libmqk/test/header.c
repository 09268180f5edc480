/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * The public headers compile as C11 and as C++, with a user's warnings, and
 * every function of the hot paths can be called from there.  Not run.
 */
#include <mqk/mqk.h>

int header_compiles(struct mqk *m, struct mqk_port *p, struct mqk_consumer *c);

int header_compiles(struct mqk *m, struct mqk_port *p, struct mqk_consumer *c)
{
	struct mqk_query q;
	struct mqk_stat s;
	struct mqk_msg msg;
	void *payload;
	int ret = 0;

	q.size = sizeof(q);
	s.size = sizeof(s);
	ret |= mqk_query(m, &q);
	ret |= mqk_stat(m, &s);
	ret |= mqk_bind(m, "orders", "bills", MQK_STR("order.*"), NULL, 0);
	if (mqk_reserve(p, 1, MQK_STR("key"), NULL, 0, 8, 0, &payload) == 0) {
		memset(payload, 0, 8);
		ret |= mqk_commit(p);
	}
	while (mqk_next(c, &msg) > 0)
		ret |= mqk_ack(c, msg.d.tag);
	return ret | mqk_ack_put(c, 0, MQK_ACK_NACK, MQK_ACK_F_MULTIPLE);
}
