// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of calls on a broker's node, and what all calls have in common.
 */
#include "ioctl.h"

#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "broker.h"
#include "session.h"
#include "util/record.h"

struct call {
	mqk_handler handler;
	u32 size;		/* of the structure, as we know it */
	u32 min;		/* least that a caller must know of it */
	u32 access;		/* MQK_ACCESS_*, one of them is needed */
};

#define CAN_ANY	0
#define CAN_READ	MQK_ACCESS_READ
#define CAN_WRITE	MQK_ACCESS_WRITE

/* @last: the last member of ABI 1 */
#define CALL(cmd, fn, type, last, rights)				\
	[_IOC_NR(cmd)] = {						\
		.handler = fn,						\
		.size = sizeof(struct type),				\
		.min = offsetofend(struct type, last),			\
		.access = rights,					\
	}

static const struct call calls[] = {
	CALL(MQK_IOC_QUERY, mqk_ioctl_query, mqk_query, broker_used, CAN_ANY),
	CALL(MQK_IOC_ERROR, mqk_ioctl_error, mqk_error, used, CAN_ANY),
	CALL(MQK_IOC_STAT, mqk_ioctl_stat, mqk_stat, traces_lost, CAN_ANY),
	CALL(MQK_IOC_EXCHANGE_DECLARE, mqk_ioctl_exchange_declare,
	     mqk_exchange_declare, resv, CAN_ANY),
	CALL(MQK_IOC_EXCHANGE_DELETE, mqk_ioctl_exchange_delete, mqk_delete,
	     messages, CAN_WRITE),
	CALL(MQK_IOC_EXCHANGE_NEXT, mqk_ioctl_exchange_next, mqk_exchange_next,
	     resv, CAN_ANY),
	CALL(MQK_IOC_QUEUE_DECLARE, mqk_ioctl_queue_declare, mqk_queue_declare,
	     ready, CAN_ANY),
	CALL(MQK_IOC_QUEUE_DELETE, mqk_ioctl_queue_delete, mqk_delete, messages,
	     CAN_READ),
	CALL(MQK_IOC_QUEUE_PURGE, mqk_ioctl_queue_purge, mqk_delete, messages,
	     CAN_READ),
	CALL(MQK_IOC_QUEUE_REDRIVE, mqk_ioctl_queue_redrive, mqk_queue_redrive,
	     count, CAN_READ),
	CALL(MQK_IOC_QUEUE_NEXT, mqk_ioctl_queue_next, mqk_queue_next,
	     repeated, CAN_ANY),
	CALL(MQK_IOC_QUEUE_CANCEL, mqk_ioctl_queue_cancel, mqk_queue_cancel,
	     messages, CAN_READ),
	CALL(MQK_IOC_QUEUE_SET, mqk_ioctl_queue_set, mqk_queue_set, args_len,
	     CAN_READ),
	CALL(MQK_IOC_BIND, mqk_ioctl_bind, mqk_bind, args_len, CAN_READ),
	CALL(MQK_IOC_UNBIND, mqk_ioctl_unbind, mqk_bind, args_len, CAN_READ),
	CALL(MQK_IOC_ROUTE, mqk_ioctl_route, mqk_route_query, ids, CAN_ANY),
	CALL(MQK_IOC_BINDING_LIST, mqk_ioctl_binding_list, mqk_list, resv,
	     CAN_ANY),
	CALL(MQK_IOC_WILL, mqk_ioctl_will, mqk_will, delay, CAN_WRITE),
	CALL(MQK_IOC_TX, mqk_ioctl_tx, mqk_tx, settlements, CAN_ANY),
	CALL(MQK_IOC_PORT_CREATE, mqk_ioctl_port_create, mqk_port_create,
	     last, CAN_WRITE),
	CALL(MQK_IOC_PORT_CLOSE, mqk_ioctl_port_close, mqk_id, resv, CAN_WRITE),
	CALL(MQK_IOC_PORT_SEGMENT, mqk_ioctl_port_segment, mqk_port_segment,
	     resv, CAN_WRITE),
	CALL(MQK_IOC_PUBLISH, mqk_ioctl_publish, mqk_publish, resv, CAN_WRITE),
	CALL(MQK_IOC_CONSUMER_CREATE, mqk_ioctl_consumer_create,
	     mqk_consumer_create, resv, CAN_READ),
	CALL(MQK_IOC_CONSUMER_CANCEL, mqk_ioctl_consumer_cancel, mqk_id, resv,
	     CAN_READ),
	CALL(MQK_IOC_CONSUMER_CLOSE, mqk_ioctl_consumer_close, mqk_id, resv,
	     CAN_READ),
	CALL(MQK_IOC_PREFETCH, mqk_ioctl_prefetch, mqk_prefetch, prefetch, CAN_READ),
	CALL(MQK_IOC_WAIT, mqk_ioctl_wait, mqk_wait, timeout, CAN_ANY),
	CALL(MQK_IOC_GET, mqk_ioctl_get, mqk_get, timeout, CAN_READ),
	CALL(MQK_IOC_READ, mqk_ioctl_read, mqk_read, len, CAN_READ),
	CALL(MQK_IOC_BROWSE, mqk_ioctl_browse, mqk_browse, len, CAN_READ),
	CALL(MQK_IOC_PRODUCER_LIST, mqk_ioctl_producer_list, mqk_list, resv,
	     CAN_ANY),
	CALL(MQK_IOC_CONSUMER_LIST, mqk_ioctl_consumer_list, mqk_list, resv,
	     CAN_ANY),
};

/* Room for any of the structures. */
union arg {
	struct mqk_query query;
	struct mqk_error error;
	struct mqk_stat stat;
	struct mqk_exchange_declare exchange_declare;
	struct mqk_queue_declare queue_declare;
	struct mqk_delete delete;
	struct mqk_queue_set queue_set;
	struct mqk_queue_cancel queue_cancel;
	struct mqk_bind bind;
	struct mqk_route_query route;
	struct mqk_list list;
	struct mqk_exchange_next exchange_next;
	struct mqk_queue_next queue_next;
	struct mqk_port_create port_create;
	struct mqk_port_segment port_segment;
	struct mqk_publish publish;
	struct mqk_will will;
	struct mqk_tx tx;
	struct mqk_id id;
	struct mqk_consumer_create consumer_create;
	struct mqk_prefetch prefetch;
	struct mqk_wait wait;
	struct mqk_get get;
	struct mqk_read read;
	struct mqk_browse browse;
};

/*
 * Whether a call that has an effect will be able to tell about it: a structure of
 * a page or less lies in two pages at most, so its ends are written as they were.
 */
static int check_writable(const void *arg, size_t size, void __user *to)
{
	const u8 *bytes = arg;

	static_assert(sizeof(union arg) <= PAGE_SIZE);

	return put_user(*(const u32 *)arg, (u32 __user *)to) ||
	       put_user(bytes[size - 1], (u8 __user *)to + size - 1) ?
	       -EFAULT : 0;
}

/**
 * mqk_arg_in() - copy a call's structure in
 * @arg: where to
 * @size: its size, as the kernel knows it
 * @min: least size of the caller's
 * @from: the caller's
 * @user_size: its size, as the caller knows it
 *
 * Context: may sleep.
 * Return: 0; -EFAULT, also when it cannot be written back; -EINVAL when it is
 * too short; -E2BIG when the kernel does not know a part of it that is not zero
 */
int mqk_arg_in(void *arg, size_t size, size_t min, void __user *from,
	       u32 *user_size)
{
	int err;

	if (get_user(*user_size, (u32 __user *)from))
		return -EFAULT;
	if (*user_size < min)
		return -EINVAL;
	if (*user_size > PAGE_SIZE)
		return -E2BIG;
	err = copy_struct_from_user(arg, size, from, *user_size);
	if (err)
		return err;
	/* Its first word may have changed since: it has no further meaning. */
	*(u32 *)arg = *user_size;
	return check_writable(arg, min_t(size_t, size, *user_size), from);
}

/**
 * mqk_arg_out() - copy a call's structure back
 * @arg: the structure
 * @size: its size, as the kernel knows it
 * @to: the caller's
 * @user_size: its size, as the caller knows it
 *
 * Context: may sleep.
 * Return: 0 or -EFAULT
 */
int mqk_arg_out(const void *arg, size_t size, void __user *to, u32 user_size)
{
	return copy_to_user(to, arg, min_t(size_t, size, user_size)) ?
	       -EFAULT : 0;
}

/**
 * mqk_copy_name() - copy a name that a call points to
 * @t: where to
 * @from: the pointer
 * @len: bytes
 * @may_be_empty: whether it may have none
 * @why: filled when it is refused
 *
 * Context: may sleep.
 * Return: 0, -ENAMETOOLONG, -EINVAL for an empty one or one with a 0, -EFAULT
 */
int mqk_copy_name(struct mqk_text *t, u64 from, u32 len, bool may_be_empty,
		  struct mqk_refusal *why)
{
	if (len > MQK_NAME_MAX)
		return mqk_refuse(why, MQK_RULE_BAD_NAME, -ENAMETOOLONG);
	if (!len && !may_be_empty)
		return mqk_refuse(why, MQK_RULE_BAD_NAME, -EINVAL);
	if (copy_from_user(t->text, u64_to_user_ptr(from), len))
		return -EFAULT;
	if (memchr(t->text, 0, len))
		return mqk_refuse(why, MQK_RULE_BAD_NAME, -EINVAL);
	t->len = len;
	return 0;
}

/**
 * mqk_copy_key() - copy a key that a call points to
 * @t: where to
 * @from: the pointer
 * @len: bytes
 * @why: filled when it is refused
 *
 * Context: may sleep.
 * Return: 0, -ENAMETOOLONG, -EFAULT
 */
int mqk_copy_key(struct mqk_text *t, u64 from, u32 len,
		 struct mqk_refusal *why)
{
	if (len > MQK_KEY_MAX)
		return mqk_refuse(why, MQK_RULE_BAD_NAME, -ENAMETOOLONG);
	if (copy_from_user(t->text, u64_to_user_ptr(from), len))
		return -EFAULT;
	t->len = len;
	return 0;
}

/**
 * mqk_copy_headers() - copy encoded headers that a call points to
 * @from: the pointer
 * @len: bytes
 * @why: filled when they are refused
 *
 * Context: may sleep.
 * Return: the headers, to be freed with kvfree(); NULL when @len is 0; ERR_PTR
 * of -EINVAL, -EFAULT, -ENOMEM
 */
void *mqk_copy_headers(u64 from, u32 len, struct mqk_refusal *why)
{
	void *headers;

	if (!len)
		return NULL;
	if (len > MQK_HEADERS_MAX)
		return ERR_PTR(mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL));
	headers = vmemdup_user(u64_to_user_ptr(from), len);
	if (!IS_ERR(headers) && !mqk_headers_valid(headers, len)) {
		kvfree(headers);
		return ERR_PTR(mqk_refuse(why, MQK_RULE_BAD_ARGUMENT, -EINVAL));
	}
	return headers;
}

static int run(struct mqk_session *s, const struct call *call,
	       void __user *user, struct mqk_refusal *why)
{
	/* mqk_arg_in() fills as much of it as the call's structure has */
	union arg arg __uninitialized;
	u32 user_size;
	int err;

	if (call->access && !(s->access & call->access))
		return mqk_refuse(why, MQK_RULE_PERMISSION, -EACCES);
	err = mqk_arg_in(&arg, call->size, call->min, user, &user_size);
	if (err)
		return err;
	err = call->handler(s, &arg, why);
	/* What could be written a moment ago is the caller's own to keep. */
	if (!err)
		mqk_arg_out(&arg, call->size, user, user_size);
	return err;
}

/**
 * mqk_ioctl_call() - a call that is given a structure
 * @s: the session
 * @cmd: which
 * @arg: pointer to its structure
 *
 * Context: may sleep.
 * Return: as the call says
 */
long mqk_ioctl_call(struct mqk_session *s, unsigned int cmd, unsigned long arg)
{
	struct mqk_refusal why = {};
	unsigned int nr = _IOC_NR(cmd);
	int err;

	if (_IOC_TYPE(cmd) != MQK_IOC_MAGIC || nr >= ARRAY_SIZE(calls))
		return -ENOTTY;
	nr = array_index_nospec(nr, ARRAY_SIZE(calls));
	if (!calls[nr].handler || _IOC_DIR(cmd) != (_IOC_READ | _IOC_WRITE))
		return -ENOTTY;
	if (READ_ONCE(s->broker->dead))
		err = -ESHUTDOWN;
	else
		err = run(s, &calls[nr], (void __user *)arg, &why);
	if (unlikely(err)) {
		if (READ_ONCE(s->broker->dead))
			err = -ESHUTDOWN;
		mqk_session_refused(s, err, &why);
	}
	return err;
}
