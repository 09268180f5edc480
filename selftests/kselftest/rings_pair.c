// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two sessions: see the header.
 */
#include "rings_pair.h"

int pair_open(struct pair *p, const struct mqk_broker_create *want)
{
	__s64 id;
	int err = env_begin(&p->env, want);

	if (err)
		return err;
	p->s = env_session(&p->env, O_RDWR);
	p->r = env_session(&p->env, O_RDWR);
	if (p->s < 0 || p->r < 0)
		return -EIO;
	id = exchange_declare(p->s, "", 0, MQK_DECLARE_F_PASSIVE);
	if (id < 0)
		return id;
	p->exchange = id;
	return consumer_make(&p->get, p->r, NULL, MQK_CONSUMER_F_PULL, 0, 1024);
}

int pair_begin(struct pair *p, __u32 flags)
{
	return pair_open(p, NULL) ?: port_make(&p->port, p->s, flags, 64);
}

int pair_end(struct pair *p)
{
	return env_end(&p->env);
}

int pair_publish(struct pair *p, const struct msg *m)
{
	struct mqk_completion c;
	int err = port_publish(&p->port, m);

	if (!err)
		err = port_completion(&p->port, &c, LONG_MS);
	return err ? err : (int)c.type;
}

int pair_number(struct pair *p, const char *key, __u32 number)
{
	struct msg m = {
		.exchange = p->exchange, .key = key, .key_len = strlen(key),
		.payload = &number, .payload_len = sizeof(number),
	};

	return pair_publish(p, &m);
}

__s64 pair_get(struct pair *p, __u32 queue, int ms, struct mqk_delivery *d)
{
	int ret = queue_get(p->r, p->get.c.id, queue, 0, ms * 1000000ll, d, NULL);

	return ret ? ret : (__s64)delivery_number(p->r, d);
}

int pair_settle(struct pair *p, const struct mqk_delivery *d, __u32 op, __u32 flags)
{
	return consumer_settle(&p->get, d->tag, op, flags) == 1 ? 0 : -EIO;
}

static __s64 get_and_settle(struct pair *p, __u32 queue, int ms, __u32 op, __u32 flags)
{
	struct mqk_delivery d;
	__s64 number = pair_get(p, queue, ms, &d);

	return number < 0 ? number : pair_settle(p, &d, op, flags) ?: number;
}

__s64 pair_do(struct pair *p, __u32 queue, __u32 op, __u32 flags)
{
	return get_and_settle(p, queue, 0, op, flags);
}

__s64 pair_take(struct pair *p, __u32 queue)
{
	return pair_do(p, queue, MQK_ACK_ACCEPT, 0);
}

__s64 pair_await(struct pair *p, __u32 queue)
{
	return get_and_settle(p, queue, LONG_MS, MQK_ACK_ACCEPT, 0);
}

__s64 pair_browse(struct pair *p, __u32 queue, __u64 *seq, struct mqk_delivery *d)
{
	__u8 record[256];
	struct mqk_browse b = {
		.size = sizeof(b), .queue = queue, .seq = *seq,
		.delivery = (uintptr_t)d, .data = (uintptr_t)record, .len = sizeof(record),
	};
	int err = mq(p->r, MQK_IOC_BROWSE, &b);
	__u32 number;

	if (err)
		return err;
	*seq = b.seq;
	memcpy(&number, record + MQK_RECORD_PAYLOAD(d->key_len, d->headers_len) -
	       MQK_RECORD_KEY, sizeof(number));
	return number;
}

__u64 pair_ready(struct pair *p, __u32 queue, __u64 want)
{
	struct mqk_queue_next info = {};
	__u64 end = now_ms() + LONG_MS;

	while (!queue_info(p->s, queue, &info)) {
		if (info.ready == want || now_ms() > end)
			return info.ready;
		sleep_ms(1);
	}
	return ~0ull;
}

const char *pair_args_refused(struct pair *p, const char * const *args, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (queue_declare_args(p->s, "q", args[i]) != -EINVAL ||
		    rule(p->s) != MQK_RULE_BAD_ARGUMENT)
			return args[i];
	return "";
}

const char *pair_args_taken(struct pair *p, const char * const *args, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (queue_declare_args(p->s, "q", args[i]) <= 0 ||
		    queue_declare_args(p->s, "q", args[i]) <= 0 ||
		    queue_declare(p->s, "q", 0) != -EINVAL ||
		    rule(p->s) != MQK_RULE_INEQUIVALENT || queue_delete(p->s, "q", 0))
			return args[i];
	return "";
}
