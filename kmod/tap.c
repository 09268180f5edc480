// SPDX-License-Identifier: GPL-2.0-only
/*
 * Taps.
 */
#include "tap.h"

#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "account.h"
#include "broker.h"
#include "limits.h"
#include "segment.h"
#include "work.h"

/*
 * On while a broker is listened to, or the tracepoint of deliveries is enabled.  Who
 * binds and unbinds in a loop changes the code of the kernel twice a second at most.
 */
DEFINE_STATIC_KEY_DEFERRED_FALSE(mqk_watch_key, HZ);

/**
 * mqk_watch_traced() - the tracepoint of deliveries is enabled
 * Return: 0
 */
int mqk_watch_traced(void)
{
	static_branch_inc(&mqk_watch_key.key);
	return 0;
}

/**
 * mqk_watch_untraced() - it is disabled, at once: the module may be going
 */
void mqk_watch_untraced(void)
{
	static_branch_dec(&mqk_watch_key.key);
}

/**
 * mqk_taps_init() - begin with none
 * @taps: of a new broker
 */
void mqk_taps_init(struct mqk_taps *taps)
{
	spin_lock_init(&taps->lock);
	INIT_LIST_HEAD(&taps->list);
	INIT_WORK(&taps->work, mqk_taps_publish);
}

/**
 * mqk_taps_exit() - the module goes: nobody listens any more
 *
 * Context: may sleep.
 */
void mqk_taps_exit(void)
{
	static_key_deferred_flush(&mqk_watch_key);
}

/**
 * mqk_taps_listen() - the exchange has one binding more, or less
 * @broker: the broker
 * @begin: which
 *
 * With the first one, all routes that are known become stale: who finds his anew sees
 * that it is told of.
 *
 * Context: broker->mutex; may sleep.
 */
void mqk_taps_listen(struct mqk_broker *broker, bool begin)
{
	struct mqk_taps *taps = &broker->taps;

	lockdep_assert_held(&broker->mutex);
	WRITE_ONCE(taps->listeners, taps->listeners + (begin ? 1 : -1));
	if (begin && taps->listeners == 1) {
		static_branch_deferred_inc(&mqk_watch_key);
		mqk_broker_reroute_all(broker);
	} else if (!begin && !taps->listeners) {
		static_branch_slow_dec_deferred(&mqk_watch_key);
	}
}

static const u8 *keep(u8 **at, const u8 *text, u32 len)
{
	u8 *to = *at;

	memcpy(to, text, len);
	*at += len;
	return to;
}

static struct mqk_tap *alloc(const struct mqk_tap_facts *facts,
			     const struct mqk_tap_texts *texts)
{
	u32 len = texts->exchange_len + texts->queue_len + texts->key_len;
	struct mqk_tap *tap;
	u8 *at;

	tap = kmalloc(struct_size(tap, data, len),
		      GFP_NOWAIT | __GFP_ACCOUNT | __GFP_NOWARN);
	if (!tap)
		return NULL;
	at = tap->data;
	tap->facts = *facts;
	tap->texts = *texts;
	tap->texts.exchange = keep(&at, texts->exchange, texts->exchange_len);
	tap->texts.queue = keep(&at, texts->queue, texts->queue_len);
	tap->texts.key = keep(&at, texts->key, texts->key_len);
	tap->time = ktime_get_real_seconds();
	return tap;
}

/* Into the list, if there is room. */
static bool enter(struct mqk_taps *taps, struct mqk_tap *tap)
{
	bool fits;

	spin_lock(&taps->lock);
	fits = taps->nr < MQK_TAPS_MAX &&
	       (!taps->nr || taps->bytes + tap->facts.payload_len <= MQK_TAPS_BYTES);
	if (fits) {
		tap->pending = true;
		tap->skipped = taps->lost;
		taps->lost = 0;
		list_add_tail(&tap->link, &taps->list);
		taps->nr++;
		taps->bytes += tap->facts.payload_len;
	}
	spin_unlock(&taps->lock);
	return fits;
}

static void leave(struct mqk_taps *taps, struct mqk_tap *tap)
{
	lockdep_assert_held(&taps->lock);
	list_del(&tap->link);
	taps->nr--;
	taps->bytes -= tap->facts.payload_len;
}

/**
 * mqk_tap_begin() - write down a message that is to be told of
 * @broker: the broker, with a reference of the caller's
 * @facts: what is known of it; who calls has a reference to its record, or is about
 *	to hand out the first
 * @texts: its names
 *
 * Context: process; sleeps not.
 * Return: what is to be ended soon, without sleeping, or cancelled; NULL: it is lost,
 * and is counted when that is ended
 */
struct mqk_tap *mqk_tap_begin(struct mqk_broker *broker,
			      const struct mqk_tap_facts *facts,
			      const struct mqk_tap_texts *texts)
{
	struct mqk_tap *tap = alloc(facts, texts);

	if (!tap)
		return NULL;
	tap->segment = mqk_segment_of(&broker->store, facts->ref);
	/* whatever the limit: until it is copied, soon */
	mqk_charge_anyway(tap->segment->tenant, MQK_RES_MESSAGES, 1);
	mqk_segment_get(tap->segment, 1);
	if (enter(&broker->taps, tap))
		return tap;
	mqk_tap_free(tap);
	return NULL;
}

static void start(struct mqk_broker *broker)
{
	mqk_broker_get(broker);
	if (!queue_work(mqk_workqueue, &broker->taps.work))
		mqk_broker_put(broker);
}

/**
 * mqk_tap_cancel() - nothing has become of a message: nothing is told
 * @broker: the broker
 * @tap: what was begun, or NULL
 *
 * Context: as mqk_tap_begin().
 */
void mqk_tap_cancel(struct mqk_broker *broker, struct mqk_tap *tap)
{
	struct mqk_taps *taps = &broker->taps;

	if (!tap)
		return;
	spin_lock(&taps->lock);
	if (list_is_last(&tap->link, &taps->list))
		taps->lost += tap->skipped;
	else
		list_next_entry(tap, link)->skipped += tap->skipped;
	leave(taps, tap);
	spin_unlock(&taps->lock);
	mqk_tap_free(tap);
	/* others may have come behind it */
	start(broker);
}

/**
 * mqk_tap_end() - have the work tell what was written down
 * @broker: the broker
 * @tap: what was begun, complete now; NULL: it is lost
 *
 * Context: as mqk_tap_begin().
 */
void mqk_tap_end(struct mqk_broker *broker, struct mqk_tap *tap)
{
	struct mqk_taps *taps = &broker->taps;

	spin_lock(&taps->lock);
	if (tap)
		tap->pending = false;
	else
		taps->lost++;
	spin_unlock(&taps->lock);
	if (tap)
		start(broker);
	else
		mqk_count(broker, traces_lost, 1);
}

/**
 * mqk_tap_next() - take the first one that is to be told
 * @taps: the taps
 *
 * Context: process.
 * Return: the tap, to be freed with mqk_tap_free(); NULL: there is none, or the first
 * one is pending
 */
struct mqk_tap *mqk_tap_next(struct mqk_taps *taps)
{
	struct mqk_tap *tap;

	spin_lock(&taps->lock);
	tap = list_first_entry_or_null(&taps->list, struct mqk_tap, link);
	if (tap && tap->pending)
		tap = NULL;
	if (tap) {
		leave(taps, tap);
		taps->number += tap->skipped + 1;
		tap->number = taps->number;
	}
	spin_unlock(&taps->lock);
	return tap;
}

/**
 * mqk_tap_free() - let go of what was told, or lost
 * @tap: it, in no list
 *
 * Context: any.
 */
void mqk_tap_free(struct mqk_tap *tap)
{
	mqk_segment_put(tap->segment);
	kfree(tap);
}
