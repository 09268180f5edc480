// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Requests and replies.
 *
 * The address for replies is the kernel's (a queue with MQK_DECLARE_F_REPLY):
 * only who was sent it can use it.  Which reply is for which request is ours: each
 * request has a correlation id of its own that nobody can guess, so that neither
 * a late reply nor one of a server that was asked something else is taken for it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "consumer.h"
#include "port.h"

#define ID_BYTES	16
#define ID_LEN		(2 * ID_BYTES)
/* Of the two headers of a request that are ours. */
#define OWN_HEADERS	512u

struct mqk_caller {
	struct mqk *m;
	struct mqk_port *port;
	struct mqk_consumer *replies;
	struct mqk_queue_info queue;
	char id[ID_LEN + 1];		/* of the request under way */
	struct mqk_buffer headers;
};

int mqk_caller_open(struct mqk *m, const struct mqk_caller_opts *opts,
		    struct mqk_caller **out)
{
	struct mqk_port_opts po = { .sz = sizeof(po), .confirm = true,
				    .entries = 16 };
	struct mqk_queue_opts qo = { .sz = sizeof(qo), .exclusive = true,
				     .reply = true };
	struct mqk_consumer_opts co = { .sz = sizeof(co), .noack = true };
	struct mqk_caller_opts o;
	struct mqk_caller *c;
	int err;

	if (!out)
		return -EINVAL;
	err = mqk_opts_take(&o, sizeof(o), opts);
	if (err)
		return err;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->m = mqk_session_get(m);
	c->queue.sz = sizeof(c->queue);
	co.copy = o.copy;
	co.spin_ns = o.spin_ns;
	err = mqk_queue_declare(m, NULL, &qo, &c->queue);
	if (!err)
		err = mqk_consume(m, c->queue.name, &co, &c->replies);
	if (!err)
		err = mqk_port_open(m, &po, &c->port);
	if (err) {
		mqk_caller_close(c);
		return err;
	}
	*out = c;
	return 0;
}

void mqk_caller_close(struct mqk_caller *c)
{
	if (!c)
		return;
	mqk_port_close(c->port);
	mqk_consumer_close(c->replies);
	if (c->queue.name[0])
		mqk_queue_delete(c->m, c->queue.name, 0, NULL);
	mqk_buffer_free(&c->headers);
	mqk_session_put(c->m);
	free(c);
}

const char *mqk_caller_address(const struct mqk_caller *c)
{
	return c->queue.name;
}

static int make_id(char id[ID_LEN + 1])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[ID_BYTES];
	ssize_t n = getrandom(bytes, sizeof(bytes), 0);
	int i;

	if (n != (ssize_t)sizeof(bytes))
		return n < 0 ? -errno : -EIO;
	for (i = 0; i < ID_BYTES; i++) {
		id[2 * i] = digits[bytes[i] >> 4];
		id[2 * i + 1] = digits[bytes[i] & 15];
	}
	id[ID_LEN] = 0;
	return 0;
}

/* Our headers, and those of the caller behind them. */
static int make_headers(struct mqk_caller *c, const struct mqk_message *request,
			struct mqk_headers *h)
{
	struct mqk_properties p = {
		.sz = sizeof(p),
		.correlation_id = { c->id, ID_LEN },
		.reply_to = MQK_TEXT(c->queue.name),
	};
	size_t more = request->headers_len;
	int err;

	err = mqk_buffer_reserve(&c->headers, OWN_HEADERS + more);
	if (err)
		return err;
	mqk_headers_init(h, c->headers.data, c->headers.size);
	err = mqk_properties_add(h, &p);
	if (err)
		return err;
	if (h->len + more > MQK_HEADERS_MAX)
		return -EMSGSIZE;
	if (more)
		memcpy(h->buf + h->len, (const void *)(uintptr_t)request->headers,
		       more);
	h->len += more;
	return 0;
}

static bool is_reply(const struct mqk_caller *c, const struct mqk_msg *msg)
{
	struct mqk_properties p = { .sz = sizeof(p) };

	return mqk_properties_get(msg, &p) > 0 &&
	       p.correlation_id.len == ID_LEN &&
	       !memcmp(p.correlation_id.at, c->id, ID_LEN);
}

static int receive(struct mqk_caller *c, struct mqk_msg *reply, int64_t timeout,
		   uint64_t start)
{
	int ret;

	do {
		ret = mqk_recv(c->replies, reply,
			       mqk_timeout_left(timeout, start));
		if (ret > 0 && is_reply(c, reply))
			return 0;
		/* late, or of somebody who should not have written to us */
	} while (ret > 0);
	return ret ? ret : -ETIMEDOUT;
}

int mqk_callv(struct mqk_caller *c, const struct mqk_message *request,
	      struct mqk_msg *reply, int64_t timeout)
{
	struct mqk_message msg;
	uint64_t start = mqk_now();
	struct mqk_headers h;
	int err;

	if (!request || !reply)
		return -EINVAL;
	err = make_id(c->id);
	if (!err)
		err = make_headers(c, request, &h);
	if (err)
		return err;
	msg = *request;
	msg.flags |= MQK_MSG_F_MANDATORY;
	msg.headers = mqk_ptr(h.buf);
	msg.headers_len = (uint16_t)h.len;
	err = mqk_publishv(c->port, &msg, 1);
	if (err > 0)
		err = mqk_confirm_wait(c->port, 0, timeout);
	if (!err)
		err = receive(c, reply, timeout, start);
	/* whatever comes for it from now on comes too late */
	c->id[0] = 0;
	return err;
}

int mqk_call(struct mqk_caller *c, uint32_t exchange,
	     const void *key, size_t key_len, const void *payload, size_t len,
	     struct mqk_msg *reply, int64_t timeout)
{
	struct mqk_message request = {
		.exchange = exchange,
		.key = mqk_ptr(key),
		.payload = mqk_ptr(payload),
		.payload_len = (uint32_t)len,
		.key_len = (uint8_t)key_len,
	};

	if (key_len > MQK_KEY_MAX || (uint64_t)len > UINT32_MAX ||
	    (key_len && !key) || (len && !payload))
		return -EINVAL;
	return mqk_callv(c, &request, reply, timeout);
}

int mqk_reply(struct mqk_port *p, const struct mqk_msg *request,
	      const void *payload, size_t len)
{
	struct mqk_properties asked = { .sz = sizeof(asked) };
	struct mqk_properties mine = { .sz = sizeof(mine) };
	struct mqk_message msg = {
		.payload = mqk_ptr(payload),
		.payload_len = (uint32_t)len,
	};
	unsigned char buf[sizeof(struct mqk_header) + 512];
	struct mqk_headers h;
	int ret;

	if ((uint64_t)len > UINT32_MAX || (len && !payload))
		return -EINVAL;
	ret = mqk_properties_get(request, &asked);
	if (ret < 0)
		return ret;
	if (!asked.reply_to.at || asked.reply_to.len > MQK_KEY_MAX)
		return -EDESTADDRREQ;
	if (!p->replies_to) {
		ret = mqk_exchange_id(p->m, "", &p->replies_to);
		if (ret)
			return ret;
	}
	mqk_headers_init(&h, buf, sizeof(buf));
	mine.correlation_id = asked.correlation_id;
	ret = mqk_properties_add(&h, &mine);
	if (ret)
		return ret;
	msg.exchange = p->replies_to;
	msg.key = mqk_ptr(asked.reply_to.at);
	msg.key_len = (uint8_t)asked.reply_to.len;
	msg.headers = mqk_ptr(h.buf);
	msg.headers_len = (uint16_t)h.len;
	ret = mqk_publishv(p, &msg, 1);
	return ret < 0 ? ret : 0;
}

/* What becomes of a request when the function has returned. */
static int settle(struct mqk_consumer *c, const struct mqk_msg *msg, int verdict)
{
	if (msg->d.flags & MQK_DELIVERY_F_SETTLED)
		return 0;
	if (verdict >= 0)
		return mqk_ack(c, msg->d.tag);
	return mqk_reject(c, msg->d.tag, false);
}

int mqk_serve(struct mqk_consumer *c, struct mqk_port *p, mqk_serve_fn *fn,
	      void *arg, int64_t idle)
{
	struct mqk_msg msg;
	int ret, verdict;

	if (!fn)
		return -EINVAL;
	while ((ret = mqk_recv(c, &msg, idle)) > 0) {
		verdict = fn(p, &msg, arg);
		ret = settle(c, &msg, verdict);
		if (ret < 0)
			return ret;
		if (verdict > 0) {
			ret = mqk_settle(c);
			return ret < 0 ? ret : verdict;
		}
	}
	return ret;
}
