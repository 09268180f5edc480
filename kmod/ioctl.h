/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The calls: one table, one way in.
 *
 * The dispatcher copies the structure in (size first, unknown tail zero), makes
 * sure that it can be written back, calls the handler, and copies it back when
 * the handler succeeds.  A handler checks flags and reserved members with
 * mqk_bad_flags(), copies what the structure points to, and then acts; what it
 * refuses beyond bad arguments it explains in @why.
 */
#ifndef MQK_IOCTL_H
#define MQK_IOCTL_H

#include <linux/compiler.h>
#include <linux/types.h>
#include <linux/mqk.h>

#include "account.h"

struct file;
struct mqk_session;

typedef int (*mqk_handler)(struct mqk_session *s, void *arg,
			   struct mqk_refusal *why);

/* Names and keys that a call brings, copied. */
struct mqk_text {
	u32 len;
	u8 text[MQK_NAME_MAX + 1];
};

long mqk_ioctl_call(struct mqk_session *s, unsigned int cmd, unsigned long arg);

int mqk_copy_name(struct mqk_text *t, u64 from, u32 len, bool may_be_empty,
		  struct mqk_refusal *why);
int mqk_copy_key(struct mqk_text *t, u64 from, u32 len,
		 struct mqk_refusal *why);
void *mqk_copy_headers(u64 from, u32 len, struct mqk_refusal *why);

int mqk_ioctl_query(struct mqk_session *s, void *arg, struct mqk_refusal *why);
int mqk_ioctl_error(struct mqk_session *s, void *arg, struct mqk_refusal *why);
int mqk_ioctl_stat(struct mqk_session *s, void *arg, struct mqk_refusal *why);
void mqk_fill_query(struct mqk_query *q);
void mqk_fill_account(const struct mqk_account *account, u64 *limit, u64 *used);

int mqk_ioctl_exchange_declare(struct mqk_session *s, void *arg,
			       struct mqk_refusal *why);
int mqk_ioctl_exchange_delete(struct mqk_session *s, void *arg,
			      struct mqk_refusal *why);
int mqk_ioctl_exchange_next(struct mqk_session *s, void *arg,
			    struct mqk_refusal *why);
int mqk_ioctl_queue_declare(struct mqk_session *s, void *arg,
			    struct mqk_refusal *why);
int mqk_ioctl_queue_delete(struct mqk_session *s, void *arg,
			   struct mqk_refusal *why);
int mqk_ioctl_queue_redrive(struct mqk_session *s, void *arg,
			    struct mqk_refusal *why);
int mqk_ioctl_queue_purge(struct mqk_session *s, void *arg,
			  struct mqk_refusal *why);
int mqk_ioctl_queue_set(struct mqk_session *s, void *arg,
			struct mqk_refusal *why);
int mqk_ioctl_queue_cancel(struct mqk_session *s, void *arg,
			   struct mqk_refusal *why);
int mqk_ioctl_queue_next(struct mqk_session *s, void *arg,
			 struct mqk_refusal *why);
int mqk_ioctl_bind(struct mqk_session *s, void *arg, struct mqk_refusal *why);
int mqk_ioctl_unbind(struct mqk_session *s, void *arg, struct mqk_refusal *why);
int mqk_ioctl_route(struct mqk_session *s, void *arg, struct mqk_refusal *why);
int mqk_ioctl_binding_list(struct mqk_session *s, void *arg,
			   struct mqk_refusal *why);
int mqk_ioctl_producer_list(struct mqk_session *s, void *arg,
			    struct mqk_refusal *why);
int mqk_ioctl_consumer_list(struct mqk_session *s, void *arg,
			    struct mqk_refusal *why);

int mqk_ioctl_port_create(struct mqk_session *s, void *arg,
			  struct mqk_refusal *why);
int mqk_ioctl_port_close(struct mqk_session *s, void *arg,
			 struct mqk_refusal *why);
int mqk_ioctl_port_segment(struct mqk_session *s, void *arg,
			   struct mqk_refusal *why);
int mqk_ioctl_will(struct mqk_session *s, void *arg, struct mqk_refusal *why);
int mqk_ioctl_tx(struct mqk_session *s, void *arg, struct mqk_refusal *why);
int mqk_ioctl_publish(struct mqk_session *s, void *arg,
		      struct mqk_refusal *why);
int mqk_ioctl_doorbell(struct mqk_session *s, unsigned long id);

int mqk_ioctl_consumer_create(struct mqk_session *s, void *arg,
			      struct mqk_refusal *why);
int mqk_ioctl_consumer_cancel(struct mqk_session *s, void *arg,
			      struct mqk_refusal *why);
int mqk_ioctl_consumer_close(struct mqk_session *s, void *arg,
			     struct mqk_refusal *why);
int mqk_ioctl_prefetch(struct mqk_session *s, void *arg,
		       struct mqk_refusal *why);
int mqk_ioctl_wait(struct mqk_session *s, void *arg, struct mqk_refusal *why);
int mqk_ioctl_get(struct mqk_session *s, void *arg, struct mqk_refusal *why);
int mqk_ioctl_read(struct mqk_session *s, void *arg, struct mqk_refusal *why);
int mqk_ioctl_browse(struct mqk_session *s, void *arg, struct mqk_refusal *why);
int mqk_ioctl_kick(struct mqk_session *s, unsigned long id);

/* Copy a structure in, as the rules for all calls say. */
int mqk_arg_in(void *arg, size_t size, size_t min, void __user *from,
	       u32 *user_size);
int mqk_arg_out(const void *arg, size_t size, void __user *to, u32 user_size);

/**
 * mqk_session_ioctl() - a call on a broker's node
 * @s: the session
 * @cmd: which
 * @arg: pointer to its structure, or an id
 *
 * Context: may sleep.
 * Return: as the call says
 */
static __always_inline long mqk_session_ioctl(struct mqk_session *s,
					      unsigned int cmd, unsigned long arg)
{
	/* the hot ones have no structure and no entry in the table */
	if (likely(cmd == MQK_IOC_DOORBELL))
		return mqk_ioctl_doorbell(s, arg);
	if (likely(cmd == MQK_IOC_KICK))
		return mqk_ioctl_kick(s, arg);
	return mqk_ioctl_call(s, cmd, arg);
}

static inline bool mqk_bad_flags(u32 flags, u32 known)
{
	return flags & ~known;
}

#endif /* MQK_IOCTL_H */
