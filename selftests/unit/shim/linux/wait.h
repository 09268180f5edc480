/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_WAIT_H
#define SHIM_LINUX_WAIT_H

/*
 * Wait queues. As in the kernel, who looks whether anybody sleeps
 * (waitqueue_active()) takes no lock and orders nothing; who is about to sleep
 * is in the list and has said so in his state before he looks a last time, with
 * a full barrier between.
 */

#include <linux/list.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/spinlock.h>

struct shim_task {
	int state;
};

typedef struct wait_queue_head {
	struct mutex lock;
	struct list_head head;
	unsigned int nr;	/* in the list */
} wait_queue_head_t;

struct wait_queue_entry {
	struct list_head entry;
	struct shim_task *task;
	bool queued;
};

extern __thread struct shim_task shim_current;

#define DEFINE_WAIT(name) \
	struct wait_queue_entry name = { .task = &shim_current }

void init_waitqueue_head(wait_queue_head_t *wq);
void prepare_to_wait(wait_queue_head_t *wq, struct wait_queue_entry *wait, int state);
void finish_wait(wait_queue_head_t *wq, struct wait_queue_entry *wait);
void shim_wake_up(wait_queue_head_t *wq);

static inline bool waitqueue_active(wait_queue_head_t *wq)
{
	return READ_ONCE(wq->nr);
}

static inline bool wq_has_sleeper(wait_queue_head_t *wq)
{
	smp_mb();
	return waitqueue_active(wq);
}

#define wait_event(wq, condition)						\
	do {									\
		DEFINE_WAIT(shim_wait);						\
										\
		for (;;) {							\
			prepare_to_wait(&(wq), &shim_wait, TASK_INTERRUPTIBLE);	\
			if (condition)						\
				break;						\
			schedule();						\
		}								\
		finish_wait(&(wq), &shim_wait);					\
	} while (0)

/* Nobody sleeps here: what is waited for comes with the next call, or does not. */
static inline long shim_waited(bool condition)
{
	return condition;
}
#define wait_event_killable_timeout(wq, condition, timeout)	shim_waited(condition)
#define wake_up_all(wq)					shim_wake_up(wq)
#define wake_up(wq)					shim_wake_up(wq)
#define wake_up_interruptible(wq)			shim_wake_up(wq)
#define wake_up_interruptible_all(wq)			shim_wake_up(wq)
#define wake_up_interruptible_poll(wq, events)		shim_wake_up(wq)
#define wake_up_interruptible_sync_poll(wq, events)	shim_wake_up(wq)

#endif
