// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Exchanges, queues and bindings.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "session.h"

/*
 * The oldest structures that are filled: what a caller must bring at least.
 * When a structure grows, its first size stays here.
 */
#define EXCHANGE_INFO_MIN	offsetof(struct mqk_exchange_info, args_len)
#define QUEUE_INFO_MIN		sizeof(struct mqk_queue_info)

static int args_len(const void *args, size_t len, uint32_t *out)
{
	if (len > MQK_HEADERS_MAX || len % 8 || (len && !args))
		return -EINVAL;
	*out = (uint32_t)len;
	return 0;
}

static int key_len(const void *key, size_t len, uint32_t *out)
{
	if (len > MQK_KEY_MAX || (len && !key))
		return -EINVAL;
	*out = (uint32_t)len;
	return 0;
}

/* The default exchange has an empty name. */
static int exchange_len(const char *name, uint32_t *len)
{
	*len = 0;
	return name && !*name ? 0 : mqk_name_len(name, len);
}

static uint32_t declare_flags(bool durable, bool auto_delete, bool mode_set)
{
	return (durable ? MQK_DECLARE_F_DURABLE : 0u) |
	       (auto_delete ? MQK_DECLARE_F_AUTO_DELETE : 0u) |
	       (mode_set ? MQK_DECLARE_F_MODE : 0u);
}

int mqk_exchange_declare(struct mqk *m, const char *name, uint32_t type,
			 const struct mqk_exchange_opts *opts, uint32_t *id)
{
	struct mqk_exchange_declare d = { .size = sizeof(d), .type = type };
	struct mqk_exchange_opts o;
	int err;

	err = mqk_opts_take(&o, sizeof(o), opts);
	if (!err)
		err = exchange_len(name, &d.name_len);
	if (!err)
		err = args_len(o.args, o.args_len, &d.args_len);
	if (err)
		return err;
	d.flags = declare_flags(o.durable, o.auto_delete, o.mode_set);
	if (o.internal)
		d.flags |= MQK_DECLARE_F_INTERNAL;
	if (o.mode_set)
		d.mode = o.mode;
	d.name = mqk_ptr(name);
	d.args = mqk_ptr(o.args);
	err = mqk_ioctl(m, MQK_IOC_EXCHANGE_DECLARE, &d);
	if (err < 0)
		return err;
	if (id)
		*id = d.id;
	return 0;
}

int mqk_exchange_id(struct mqk *m, const char *name, uint32_t *id)
{
	struct mqk_exchange_declare d = {
		.size = sizeof(d),
		.flags = MQK_DECLARE_F_PASSIVE,
		.name = mqk_ptr(name),
	};
	int err;

	if (!id)
		return -EINVAL;
	err = exchange_len(name, &d.name_len);
	if (err)
		return err;
	err = mqk_ioctl(m, MQK_IOC_EXCHANGE_DECLARE, &d);
	if (err < 0)
		return err;
	*id = d.id;
	return 0;
}

static int delete(struct mqk *m, unsigned long request, const char *name,
		  uint32_t flags, uint64_t *messages)
{
	struct mqk_delete d = {
		.size = sizeof(d), .flags = flags, .name = mqk_ptr(name),
	};
	int err;

	/* Only an exchange's name may be empty; what is refused is the kernel's. */
	if (request == MQK_IOC_EXCHANGE_DELETE)
		err = exchange_len(name, &d.name_len);
	else
		err = mqk_name_len(name, &d.name_len);
	if (err)
		return err;
	err = mqk_ioctl(m, request, &d);
	if (err < 0)
		return err;
	if (messages)
		*messages = d.messages;
	return 0;
}

int mqk_exchange_delete(struct mqk *m, const char *name, uint32_t flags)
{
	return delete(m, MQK_IOC_EXCHANGE_DELETE, name, flags, NULL);
}

int mqk_queue_delete(struct mqk *m, const char *name, uint32_t flags,
		     uint64_t *messages)
{
	return delete(m, MQK_IOC_QUEUE_DELETE, name, flags, messages);
}

int mqk_queue_purge(struct mqk *m, const char *name, uint64_t *messages)
{
	return delete(m, MQK_IOC_QUEUE_PURGE, name, 0, messages);
}

int mqk_queue_cancel(struct mqk *m, const char *name, const void *id, size_t id_len,
		     uint64_t *messages)
{
	struct mqk_queue_cancel c = { .size = sizeof(c), .id = mqk_ptr(id) };
	int err;

	if (!id_len || id_len > MQK_ID_MAX)
		return -EINVAL;
	c.name = mqk_ptr(name);
	c.id_len = (uint32_t)id_len;
	err = mqk_name_len(name, &c.name_len);
	if (err)
		return err;
	err = mqk_ioctl(m, MQK_IOC_QUEUE_CANCEL, &c);
	if (!err && messages)
		*messages = c.messages;
	return err;
}

int mqk_queue_redrive(struct mqk *m, const char *name, uint64_t max, uint64_t *moved)
{
	struct mqk_queue_redrive r = {
		.size = sizeof(r),
		.name = mqk_ptr(name),
		.count = max,
	};
	int err;

	err = mqk_name_len(name, &r.name_len);
	if (!err)
		err = mqk_ioctl(m, MQK_IOC_QUEUE_REDRIVE, &r);
	if (!err && moved)
		*moved = r.count;
	return err;
}

static int queue_set(struct mqk *m, const char *name, uint32_t flags,
		     const void *args, size_t alen)
{
	struct mqk_queue_set s = {
		.size = sizeof(s),
		.flags = flags,
		.name = mqk_ptr(name),
		.args = mqk_ptr(args),
	};
	int err;

	err = mqk_name_len(name, &s.name_len);
	if (!err)
		err = args_len(args, alen, &s.args_len);
	if (err)
		return err;
	return mqk_ioctl(m, MQK_IOC_QUEUE_SET, &s);
}

int mqk_queue_set(struct mqk *m, const char *name, const void *args, size_t alen)
{
	return queue_set(m, name, 0, args, alen);
}

int mqk_queue_pause(struct mqk *m, const char *name)
{
	return queue_set(m, name, MQK_QUEUE_SET_F_PAUSE, NULL, 0);
}

int mqk_queue_resume(struct mqk *m, const char *name)
{
	return queue_set(m, name, MQK_QUEUE_SET_F_RESUME, NULL, 0);
}

static int exchange_next(struct mqk *m, uint32_t id, uint32_t flags,
			 struct mqk_exchange_info *info)
{
	struct mqk_exchange_next n = {
		.size = sizeof(n), .flags = flags, .id = id,
	};
	struct mqk_exchange_info i;
	int err;

	memset(&i, 0, sizeof(i));
	n.name = mqk_ptr(i.name);
	n.args = mqk_ptr(i.args);
	n.args_len = sizeof(i.args);
	err = mqk_ioctl(m, MQK_IOC_EXCHANGE_NEXT, &n);
	if (err < 0)
		return err;
	if (n.args_len > sizeof(i.args))
		return -EPROTO;
	i.name[n.name_len < MQK_NAME_MAX ? n.name_len : MQK_NAME_MAX] = 0;
	i.id = n.id;
	i.flags = n.flags;
	i.type = n.type;
	i.mode = n.mode;
	i.uid = n.uid;
	i.gid = n.gid;
	i.bindings = n.bindings;
	i.args_len = n.args_len;
	mqk_info_give(info, &i, sizeof(i));
	return 0;
}

int mqk_exchange_next(struct mqk *m, struct mqk_exchange_info *info)
{
	int err;

	if (!info || info->sz < EXCHANGE_INFO_MIN)
		return -EINVAL;
	err = exchange_next(m, info->id, 0, info);
	return err == -ENOENT ? 0 : err ? err : 1;
}

int mqk_exchange_get(struct mqk *m, uint32_t id, struct mqk_exchange_info *info)
{
	if (!info || info->sz < EXCHANGE_INFO_MIN)
		return -EINVAL;
	return exchange_next(m, id, MQK_NEXT_F_EXACT, info);
}

static int queue_declare(struct mqk *m, struct mqk_queue_declare *d,
			 const char *name, struct mqk_queue_info *info)
{
	struct mqk_queue_info i;
	int err;

	if (info && info->sz < QUEUE_INFO_MIN)
		return -EINVAL;
	memset(&i, 0, sizeof(i));
	d->name = mqk_ptr(name);
	if (d->name_len)
		memcpy(i.name, name, d->name_len);
	else
		d->made_name = mqk_ptr(i.name);
	err = mqk_ioctl(m, MQK_IOC_QUEUE_DECLARE, d);
	if (err < 0 || !info)
		return err;
	i.name[MQK_NAME_MAX] = 0;
	i.id = d->id;
	i.consumers = d->consumers;
	i.ready = d->ready;
	mqk_info_give(info, &i, sizeof(i));
	return 0;
}

int mqk_queue_declare(struct mqk *m, const char *name,
		      const struct mqk_queue_opts *opts,
		      struct mqk_queue_info *info)
{
	struct mqk_queue_declare d = { .size = sizeof(d) };
	struct mqk_queue_opts o;
	int err;

	err = mqk_opts_take(&o, sizeof(o), opts);
	if (!err && name && *name)
		err = mqk_name_len(name, &d.name_len);
	if (!err)
		err = args_len(o.args, o.args_len, &d.args_len);
	if (err)
		return err;
	d.flags = declare_flags(o.durable, o.auto_delete, o.mode_set);
	if (o.reply)
		d.flags |= MQK_DECLARE_F_REPLY;
	if (o.exclusive)
		d.flags |= MQK_DECLARE_F_EXCLUSIVE;
	if (o.mode_set)
		d.mode = o.mode;
	d.args = mqk_ptr(o.args);
	return queue_declare(m, &d, name, info);
}

int mqk_queue_lookup(struct mqk *m, const char *name,
		     struct mqk_queue_info *info)
{
	struct mqk_queue_declare d = {
		.size = sizeof(d), .flags = MQK_DECLARE_F_PASSIVE,
	};
	int err;

	err = mqk_name_len(name, &d.name_len);
	if (err)
		return err;
	return queue_declare(m, &d, name, info);
}

static int queue_next(struct mqk *m, uint32_t id, uint32_t flags,
		      struct mqk_queue_info *info)
{
	struct mqk_queue_next n = {
		.size = sizeof(n), .flags = flags, .id = id,
	};
	struct mqk_queue_info i;
	int err;

	memset(&i, 0, sizeof(i));
	n.name = mqk_ptr(i.name);
	err = mqk_ioctl(m, MQK_IOC_QUEUE_NEXT, &n);
	if (err < 0)
		return err;
	i.name[n.name_len < MQK_NAME_MAX ? n.name_len : MQK_NAME_MAX] = 0;
	i.id = n.id;
	i.consumers = n.consumers;
	i.ready = n.ready;
	i.flags = n.flags;
	i.mode = n.mode;
	i.uid = n.uid;
	i.gid = n.gid;
	i.unacked = n.unacked;
	i.bytes = n.bytes;
	i.published = n.published;
	i.delivered = n.delivered;
	i.redelivered = n.redelivered;
	i.acked = n.acked;
	i.dropped = n.dropped;
	i.index_bytes = n.index_bytes;
	i.retrying = n.retrying;
	i.scheduled = n.scheduled;
	i.dying = n.dying;
	i.repeated = n.repeated;
	mqk_info_give(info, &i, sizeof(i));
	return 0;
}

int mqk_queue_next(struct mqk *m, struct mqk_queue_info *info)
{
	int err;

	if (!info || info->sz < QUEUE_INFO_MIN)
		return -EINVAL;
	err = queue_next(m, info->id, 0, info);
	return err == -ENOENT ? 0 : err ? err : 1;
}

int mqk_queue_get(struct mqk *m, uint32_t id, struct mqk_queue_info *info)
{
	if (!info || info->sz < QUEUE_INFO_MIN)
		return -EINVAL;
	return queue_next(m, id, MQK_NEXT_F_EXACT, info);
}

static int bind(struct mqk *m, unsigned long request, uint32_t flags,
		const char *exchange, const char *queue,
		const void *key, size_t klen, const void *args, size_t alen)
{
	struct mqk_bind b = {
		.size = sizeof(b),
		.flags = flags,
		.exchange = mqk_ptr(exchange),
		.queue = mqk_ptr(queue),
		.key = mqk_ptr(key),
		.args = mqk_ptr(args),
	};
	int err;

	err = exchange_len(exchange, &b.exchange_len);
	if (!err)
		err = flags & MQK_BIND_F_EXCHANGE ?
		      exchange_len(queue, &b.queue_len) :
		      mqk_name_len(queue, &b.queue_len);
	if (!err)
		err = key_len(key, klen, &b.key_len);
	if (!err)
		err = args_len(args, alen, &b.args_len);
	if (err)
		return err;
	return mqk_ioctl(m, request, &b);
}

int mqk_bind(struct mqk *m, const char *exchange, const char *queue,
	     const void *key, size_t klen, const void *args, size_t alen)
{
	return bind(m, MQK_IOC_BIND, 0, exchange, queue, key, klen, args, alen);
}

int mqk_unbind(struct mqk *m, const char *exchange, const char *queue,
	       const void *key, size_t klen, const void *args, size_t alen)
{
	return bind(m, MQK_IOC_UNBIND, 0, exchange, queue, key, klen, args, alen);
}

int mqk_bind_exchange(struct mqk *m, const char *exchange, const char *to,
		      const void *key, size_t klen,
		      const void *args, size_t alen)
{
	return bind(m, MQK_IOC_BIND, MQK_BIND_F_EXCHANGE, exchange, to,
		    key, klen, args, alen);
}

int mqk_unbind_exchange(struct mqk *m, const char *exchange, const char *to,
			const void *key, size_t klen,
			const void *args, size_t alen)
{
	return bind(m, MQK_IOC_UNBIND, MQK_BIND_F_EXCHANGE, exchange, to,
		    key, klen, args, alen);
}

int mqk_route(struct mqk *m, const char *exchange, const void *key, size_t klen,
	      const void *headers, size_t headers_len, uint32_t flags,
	      uint32_t *ids, uint32_t room)
{
	struct mqk_route_query r = {
		.size = sizeof(r),
		.flags = flags,
		.exchange = mqk_ptr(exchange),
		.key = mqk_ptr(key),
		.headers = mqk_ptr(headers),
		.count = room,
		.ids = mqk_ptr(ids),
	};
	int err;

	if (room && !ids)
		return -EINVAL;
	err = exchange_len(exchange, &r.exchange_len);
	if (!err)
		err = key_len(key, klen, &r.key_len);
	if (!err)
		err = args_len(headers, headers_len, &r.headers_len);
	if (err)
		return err;
	err = mqk_ioctl(m, MQK_IOC_ROUTE, &r);
	return err < 0 ? err : (int)r.count;
}
