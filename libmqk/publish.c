// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Publishing copies.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "port.h"

/*
 * The kernel numbers copies and records in the order in which it takes them:
 * records that wait in the segment go first.
 */
static int flush_first(struct mqk_port *p)
{
	int ret;

	if (!p->ring.unflushed)
		return 0;
	ret = mqk_flush(p);
	return ret < 0 ? ret : 0;
}

static int publish_some(struct mqk_port *p, const struct mqk_message *msgs, uint32_t n)
{
	struct mqk_publish pub = {
		.size = sizeof(pub),
		.port = p->id,
		.count = n,
		.messages = mqk_ptr(msgs),
	};
	int err;

	err = mqk_ioctl(p->m, MQK_IOC_PUBLISH, &pub);
	if (err < 0)
		return err;
	p->ring.seq = pub.first_seq + pub.count - 1;
	return (int)pub.count;
}

/* The first message after mqk_port_renumber(). */
static int publish_renumbered(struct mqk_port *p, const struct mqk_message *msg)
{
	struct mqk_message first = *msg;
	int ret;

	if (!first.number)
		first.number = p->number;
	ret = publish_some(p, &first, 1);
	if (ret > 0)
		p->number = 0;
	return ret;
}

int mqk_publishv(struct mqk_port *p, const struct mqk_message *msgs,
		 uint32_t count)
{
	uint32_t max = p->m->query.publish_max;
	uint32_t done = 0;
	int err;

	if (!count || count > INT_MAX || !msgs || !max)
		return -EINVAL;
	err = flush_first(p);
	if (err)
		return err;
	while (done < count) {
		uint32_t n = p->number ? 1 : count - done < max ? count - done : max;
		int ret;

		ret = p->number ? publish_renumbered(p, msgs + done) :
				  publish_some(p, msgs + done, n);
		if (ret < 0)
			return done ? (int)done : ret;
		done += (uint32_t)ret;
		if ((uint32_t)ret < n)
			break;
	}
	return (int)done;
}

int mqk_publish(struct mqk_port *p, uint32_t exchange, const void *key,
		size_t key_len, const void *payload, size_t len, uint32_t flags)
{
	struct mqk_message msg = {
		.exchange = exchange,
		.flags = flags,
		.key = mqk_ptr(key),
		.payload = mqk_ptr(payload),
		.payload_len = (uint32_t)len,
		.key_len = (uint8_t)key_len,
	};
	int ret;

	if (key_len > MQK_KEY_MAX || (uint64_t)len > UINT32_MAX ||
	    (key_len && !key) || (len && !payload))
		return -EINVAL;
	ret = mqk_publishv(p, &msg, 1);
	return ret < 0 ? ret : 0;
}
