// SPDX-License-Identifier: GPL-2.0-only
/*
 * Work, all in one queue and in order.
 */
#include <linux/workqueue.h>

#include <pthread.h>

#include "shim.h"

static LIST_HEAD(queue);
static LIST_HEAD(later);		/* delayed ones */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct work_struct *running;
static pthread_t thread;
static bool started, stop;

bool queue_work(struct workqueue_struct *wq, struct work_struct *work)
{
	bool fresh;

	pthread_mutex_lock(&lock);
	fresh = !work->pending;
	if (fresh) {
		work->pending = true;
		list_add_tail(&work->entry, &queue);
		pthread_cond_broadcast(&changed);
	}
	pthread_mutex_unlock(&lock);
	return fresh;
}

static bool delay_work(struct delayed_work *work, unsigned long delay, bool again)
{
	bool was;

	pthread_mutex_lock(&lock);
	was = work->work.pending;
	if (was && again)
		list_del(&work->work.entry);
	if (!was || again) {
		work->work.pending = true;
		work->due = jiffies + delay;
		/* as in the kernel, what need not wait does not */
		list_add_tail(&work->work.entry, delay ? &later : &queue);
		pthread_cond_broadcast(&changed);
	}
	pthread_mutex_unlock(&lock);
	return was == again;
}

bool queue_delayed_work(struct workqueue_struct *wq, struct delayed_work *work,
			unsigned long delay)
{
	return delay_work(work, delay, false);
}

bool mod_delayed_work(struct workqueue_struct *wq, struct delayed_work *work,
		      unsigned long delay)
{
	return delay_work(work, delay, true);
}

/* With the lock: queue what is due; returns jiffies until more is, or 0. */
static unsigned long queue_due(void)
{
	unsigned long now = jiffies, soonest = 0;
	struct work_struct *work, *next;

	list_for_each_entry_safe(work, next, &later, entry) {
		unsigned long due = to_delayed_work(work)->due;

		if (due <= now)
			list_move_tail(&work->entry, &queue);
		else if (!soonest || due - now < soonest)
			soonest = due - now;
	}
	return soonest;
}

static void wait_for_more(unsigned long wait)
{
	struct timespec ts;

	if (!wait) {
		pthread_cond_wait(&changed, &lock);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += wait % 1000 * 1000000;
	ts.tv_sec += wait / 1000 + ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	pthread_cond_timedwait(&changed, &lock, &ts);
}

static void queue_after_rcu(struct rcu_head *head)
{
	queue_work(NULL, &container_of(head, struct rcu_work, rcu)->work);
}

void queue_rcu_work(struct workqueue_struct *wq, struct rcu_work *work)
{
	call_rcu(&work->rcu, queue_after_rcu);
}

/* With the lock, which is let go meanwhile. */
static void run_first(void)
{
	struct work_struct *work = list_first_entry(&queue, struct work_struct, entry);
	struct work_struct *outer = running;

	list_del(&work->entry);
	work->pending = false;
	running = work;
	pthread_mutex_unlock(&lock);
	/* It may be freed by this. */
	work->func(work);
	pthread_mutex_lock(&lock);
	running = outer;
	pthread_cond_broadcast(&changed);
}

void shim_work_run(void)
{
	pthread_mutex_lock(&lock);
	while (!list_empty(&queue))
		run_first();
	pthread_mutex_unlock(&lock);
}

static void *worker(void *unused)
{
	unsigned long wait;

	pthread_mutex_lock(&lock);
	for (;;) {
		wait = queue_due();
		if (!list_empty(&queue))
			run_first();
		else if (stop)
			break;
		else
			wait_for_more(wait);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

void shim_work_start(void)
{
	started = true;
	stop = false;
	BUG_ON(pthread_create(&thread, NULL, worker, NULL));
}

void shim_work_stop(void)
{
	pthread_mutex_lock(&lock);
	stop = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	pthread_join(thread, NULL);
	started = false;
}

void flush_work(struct work_struct *work)
{
	pthread_mutex_lock(&lock);
	while (work->pending || running == work) {
		/* Work that waits for other work: in the kernel, of another queue. */
		if (started && !pthread_equal(thread, pthread_self()))
			pthread_cond_wait(&changed, &lock);
		else
			run_first();
	}
	pthread_mutex_unlock(&lock);
}

bool cancel_work_sync(struct work_struct *work)
{
	bool was;

	pthread_mutex_lock(&lock);
	was = work->pending;
	if (was) {
		list_del(&work->entry);
		work->pending = false;
	}
	while (running == work)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	return was;
}
