// SPDX-License-Identifier: GPL-2.0-only
/*
 * Appenders.
 */
#include "appender.h"

#include <linux/slab.h>

#include "account.h"
#include "segment.h"

/**
 * mqk_appender_alloc() - make an appender without a segment
 *
 * Context: may sleep.
 * Return: the appender or NULL
 */
struct mqk_appender *mqk_appender_alloc(void)
{
	struct mqk_appender *a = kzalloc(sizeof(*a), GFP_KERNEL_ACCOUNT);

	if (a)
		spin_lock_init(&a->lock);
	return a;
}

/**
 * mqk_appender_trim() - close the segment if no message is in it
 * @a: the appender of a tenant without ports
 *
 * Context: any; nobody appends.
 */
void mqk_appender_trim(struct mqk_appender *a)
{
	struct mqk_segment *seg;

	spin_lock(&a->lock);
	seg = a->segment;
	if (seg && mqk_segment_unused(seg))
		a->segment = NULL;
	else
		seg = NULL;
	spin_unlock(&a->lock);
	if (seg)
		mqk_segment_close(seg);
}

/**
 * mqk_appender_free() - free an appender that nobody uses
 * @a: the appender
 *
 * Context: any.
 */
void mqk_appender_free(struct mqk_appender *a)
{
	if (a->segment)
		mqk_segment_close(a->segment);
	kfree(a);
}

static struct mqk_segment *take(struct mqk_appender *a, u64 size, u64 *offset)
{
	struct mqk_segment *seg;

	spin_lock(&a->lock);
	seg = a->segment;
	if (seg && a->offset + size <= seg->size) {
		*offset = a->offset;
		a->offset += size;
		mqk_segment_give(seg, 1);
	} else {
		seg = NULL;
	}
	spin_unlock(&a->lock);
	return seg;
}

/* Put a fresh segment in the place of a full one; returns which to close. */
static struct mqk_segment *renew(struct mqk_appender *a, u64 size,
				 struct mqk_segment *fresh)
{
	struct mqk_segment *old;

	spin_lock(&a->lock);
	old = a->segment;
	if (old && a->offset + size <= old->size) {
		old = fresh;		/* somebody else was faster */
	} else {
		a->segment = fresh;
		a->offset = 0;
	}
	spin_unlock(&a->lock);
	return old;
}

/* A segment that one record has for itself. */
static struct mqk_segment *for_one(struct mqk_segment *seg)
{
	if (IS_ERR(seg))
		return seg;
	seg->given = 1;
	mqk_segment_close(seg);
	return seg;
}

/**
 * mqk_appender_take() - take room for a record
 * @store: of the broker
 * @tenant: who pays; one message was charged to it, for the reference
 * @size: bytes of the record
 * @offset: where it starts
 * @why: filled when a limit refuses it
 *
 * Context: may sleep.
 * Return: its segment with a reference to the record; ERR_PTR of -EDQUOT,
 * -ENOSPC, -ENOMEM
 */
struct mqk_segment *mqk_appender_take(struct mqk_store *store,
				      struct mqk_tenant *tenant, u64 size,
				      u64 *offset, struct mqk_refusal *why)
{
	struct mqk_appender *a = tenant->appender;
	struct mqk_segment *seg, *old;

	*offset = 0;
	if (size > store->segment_size)
		return for_one(mqk_segment_open(store, size, false, tenant, why));
	while (!(seg = take(a, size, offset))) {
		seg = mqk_segment_open(store, size, false, tenant, why);
		if (IS_ERR(seg))
			break;
		old = renew(a, size, seg);
		if (old)
			mqk_segment_close(old);
	}
	return seg;
}

/**
 * mqk_appender_take_like() - take room for a record in place of another one
 * @from: the segment of the other one, to which the caller has a reference; whose
 *	that is pays, beyond the limit if it must be, and has an appender
 * @size: bytes of the record
 * @offset: where it starts
 *
 * Context: may sleep.
 * Return: as mqk_appender_take()
 */
struct mqk_segment *mqk_appender_take_like(struct mqk_segment *from, u64 size,
					   u64 *offset)
{
	struct mqk_appender *a = from->tenant->appender;
	struct mqk_segment *seg, *old;

	*offset = 0;
	if (size > from->store->segment_size)
		return for_one(mqk_segment_open_like(from, size));
	while (!(seg = take(a, size, offset))) {
		seg = mqk_segment_open_like(from, size);
		if (IS_ERR(seg))
			break;
		old = renew(a, size, seg);
		if (old)
			mqk_segment_close(old);
	}
	return seg;
}
