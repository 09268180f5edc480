// SPDX-License-Identifier: GPL-2.0-only
/*
 * Timers, by a clock that a test sets.
 */
#include <linux/hrtimer.h>
#include <linux/timekeeping.h>

#include <pthread.h>

#include "shim.h"

static LIST_HEAD(armed);
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static u64 clock_now = 1000000000, made;

u64 ktime_get_boottime_ns(void)
{
	return __atomic_load_n(&clock_now, __ATOMIC_RELAXED);
}

void shim_clock_set(u64 now)
{
	__atomic_store_n(&clock_now, now, __ATOMIC_RELAXED);
}

void hrtimer_init(struct hrtimer *timer, int clock, int mode)
{
	timer->armed = false;
	timer->number = __atomic_add_fetch(&made, 1, __ATOMIC_RELAXED);
}

static bool disarm(struct hrtimer *timer)
{
	bool was = timer->armed;

	if (was)
		list_del(&timer->entry);
	timer->armed = false;
	return was;
}

void hrtimer_start(struct hrtimer *timer, ktime_t expires, int mode)
{
	pthread_mutex_lock(&lock);
	disarm(timer);
	timer->armed = true;
	timer->expires = expires;
	list_add(&timer->entry, &armed);
	pthread_mutex_unlock(&lock);
}

int hrtimer_cancel(struct hrtimer *timer)
{
	bool was;

	pthread_mutex_lock(&lock);
	was = disarm(timer);
	pthread_mutex_unlock(&lock);
	return was;
}

bool shim_timer_fire(u64 end)
{
	struct hrtimer *timer, *first = NULL;

	pthread_mutex_lock(&lock);
	list_for_each_entry(timer, &armed, entry)
		if (timer->expires <= end &&
		    (!first || timer->expires < first->expires ||
		     (timer->expires == first->expires && timer->number < first->number)))
			first = timer;
	if (first) {
		disarm(first);
		if (first->expires > ktime_get_boottime_ns())
			shim_clock_set(first->expires);
		first->function(first);
	}
	pthread_mutex_unlock(&lock);
	return first;
}
