// SPDX-License-Identifier: GPL-2.0-only
/*
 * Wait queues, and sleeping on a futex.
 */
#include <linux/wait.h>

#include <linux/futex.h>
#include <linux/hrtimer.h>
#include <sys/syscall.h>
#include <unistd.h>

__thread struct shim_task shim_current;

void init_waitqueue_head(wait_queue_head_t *wq)
{
	mutex_init(&wq->lock);
	INIT_LIST_HEAD(&wq->head);
	wq->nr = 0;
}

static void dequeue(wait_queue_head_t *wq, struct wait_queue_entry *wait)
{
	list_del(&wait->entry);
	wait->queued = false;
	WRITE_ONCE(wq->nr, wq->nr - 1);
}

void prepare_to_wait(wait_queue_head_t *wq, struct wait_queue_entry *wait, int state)
{
	mutex_lock(&wq->lock);
	if (!wait->queued) {
		list_add(&wait->entry, &wq->head);
		wait->queued = true;
		WRITE_ONCE(wq->nr, wq->nr + 1);
	}
	/* set_current_state() */
	shim_write(wait->task->state, state);
	smp_mb();
	mutex_unlock(&wq->lock);
}

void finish_wait(wait_queue_head_t *wq, struct wait_queue_entry *wait)
{
	shim_write(wait->task->state, TASK_RUNNING);
	mutex_lock(&wq->lock);
	if (wait->queued)
		dequeue(wq, wait);
	mutex_unlock(&wq->lock);
}

void shim_wake_up(wait_queue_head_t *wq)
{
	mutex_lock(&wq->lock);
	while (!list_empty(&wq->head)) {
		struct wait_queue_entry *wait;

		wait = list_first_entry(&wq->head, struct wait_queue_entry, entry);
		dequeue(wq, wait);
		__atomic_store_n(&wait->task->state, TASK_RUNNING, __ATOMIC_SEQ_CST);
		syscall(SYS_futex, &wait->task->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	}
	mutex_unlock(&wq->lock);
}

void schedule(void)
{
	while (shim_read(shim_current.state) != TASK_RUNNING)
		syscall(SYS_futex, &shim_current.state, FUTEX_WAIT_PRIVATE, TASK_INTERRUPTIBLE,
			NULL, NULL, 0);
}

int schedule_hrtimeout(ktime_t *expires, int mode)
{
	struct timespec at = { *expires / 1000000000, *expires % 1000000000 };

	while (shim_read(shim_current.state) != TASK_RUNNING) {
		if (ktime_get() >= *expires)
			return 0;
		syscall(SYS_futex, &shim_current.state,
			FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, TASK_INTERRUPTIBLE, &at, NULL,
			FUTEX_BITSET_MATCH_ANY);
	}
	return -EINTR;
}
