// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Brokers: the calls on /dev/mqk/control.
 */
#include <errno.h>
#include <string.h>

#include "session.h"

static int broker_name_len(const char *name, uint32_t *len)
{
	int err = mqk_name_len(name, len);

	if (!err && *len > MQK_BROKER_NAME_MAX)
		err = -ENAMETOOLONG;
	return err;
}

int mqk_broker_create(struct mqk *m, const char *name,
		      const struct mqk_broker_opts *opts)
{
	struct mqk_broker_create b = { .size = sizeof(b) };
	struct mqk_broker_opts o;
	int err;

	err = mqk_opts_take(&o, sizeof(o), opts);
	if (!err)
		err = broker_name_len(name, &b.name_len);
	if (err)
		return err;
	b.name = mqk_ptr(name);
	if (o.mode_set) {
		b.flags |= MQK_BROKER_F_MODE;
		b.mode = o.mode;
	}
	if (o.owner_set) {
		b.flags |= MQK_BROKER_F_OWNER;
		b.uid = o.uid;
		b.gid = o.gid;
	}
	if (o.nomap)
		b.flags |= MQK_BROKER_F_NOMAP;
	if (o.durable) {
		b.flags |= MQK_BROKER_F_DIR;
		b.dir = o.dir;
		b.sync = o.sync;
	}
	b.segment_size = o.segment_size;
	memcpy(b.limit, o.limit, sizeof(b.limit));
	return mqk_ioctl(m, MQK_IOC_BROKER_CREATE, &b);
}

static int broker_end(struct mqk *m, unsigned long call, const char *name,
		      uint32_t flags)
{
	struct mqk_broker_delete d = { .size = sizeof(d), .flags = flags };
	int err;

	err = broker_name_len(name, &d.name_len);
	if (err)
		return err;
	d.name = mqk_ptr(name);
	return mqk_ioctl(m, call, &d);
}

int mqk_broker_delete(struct mqk *m, const char *name, uint32_t flags)
{
	return broker_end(m, MQK_IOC_BROKER_DELETE, name, flags);
}

int mqk_broker_close(struct mqk *m, const char *name, uint32_t flags)
{
	return broker_end(m, MQK_IOC_BROKER_CLOSE, name, flags);
}

/* What an open broker has was said when it was made. */
static bool only_node(const struct mqk_broker_opts *o)
{
	unsigned int i;

	for (i = 0; i < MQK_RES_NR; i++)
		if (o->limit[i])
			return false;
	return !o->nomap && !o->segment_size && !o->durable && !o->dir && !o->sync;
}

int mqk_broker_open(struct mqk *m, const char *name, int dir,
		    const struct mqk_broker_opts *opts)
{
	struct mqk_broker_open b = { .size = sizeof(b), .dir = dir };
	struct mqk_broker_opts o;
	int err;

	err = mqk_opts_take(&o, sizeof(o), opts);
	if (!err)
		err = broker_name_len(name, &b.name_len);
	if (!err && !only_node(&o))
		err = -EINVAL;
	if (err)
		return err;
	b.name = mqk_ptr(name);
	if (o.mode_set) {
		b.flags |= MQK_BROKER_F_MODE;
		b.mode = o.mode;
	}
	if (o.owner_set) {
		b.flags |= MQK_BROKER_F_OWNER;
		b.uid = o.uid;
		b.gid = o.gid;
	}
	return mqk_ioctl(m, MQK_IOC_BROKER_OPEN, &b);
}

int mqk_broker_next(struct mqk *m, struct mqk_broker_info *info)
{
	struct mqk_broker_next n = { .size = sizeof(n) };
	struct mqk_broker_info i;
	int err;

	if (!info || info->sz < sizeof(i))
		return -EINVAL;
	memset(&i, 0, sizeof(i));
	n.id = info->id;
	n.name = mqk_ptr(i.name);
	n.name_len = MQK_BROKER_NAME_MAX;
	err = mqk_ioctl(m, MQK_IOC_BROKER_NEXT, &n);
	if (err == -ENOENT)
		return 0;
	if (err < 0)
		return err;
	i.id = n.id;
	i.flags = n.flags;
	i.segment_size = n.segment_size;
	memcpy(i.used, n.used, sizeof(i.used));
	memcpy(i.limit, n.limit, sizeof(i.limit));
	mqk_info_give(info, &i, sizeof(i));
	return 1;
}
