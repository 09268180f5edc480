/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_WORKQUEUE_H
#define SHIM_LINUX_WORKQUEUE_H

/*
 * Work runs in a thread of its own between shim_work_start() and
 * shim_work_stop() (shim.h), else when somebody waits for it, or a test calls
 * shim_work_run().
 */

#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/spinlock.h>

struct work_struct;
struct workqueue_struct;

typedef void (*work_func_t)(struct work_struct *work);

struct work_struct {
	struct list_head entry;
	work_func_t func;
	bool pending;
};

struct rcu_work {
	struct work_struct work;
	struct rcu_head rcu;
	struct workqueue_struct *wq;
};

#define INIT_WORK(w, f) do { \
	(w)->func = (f); \
	(w)->pending = false; \
} while (0)

/* Returns false if it is pending already. */
bool queue_work(struct workqueue_struct *wq, struct work_struct *work);
void flush_work(struct work_struct *work);
/* Returns whether it was pending; afterwards it neither is nor runs. */
bool cancel_work_sync(struct work_struct *work);

/* Its time comes only while there is a thread. */
struct delayed_work {
	struct work_struct work;
	unsigned long due;
};

#define INIT_DELAYED_WORK(w, f)	INIT_WORK(&(w)->work, f)
#define to_delayed_work(w)	container_of(w, struct delayed_work, work)
bool queue_delayed_work(struct workqueue_struct *wq, struct delayed_work *work,
			unsigned long delay);
bool mod_delayed_work(struct workqueue_struct *wq, struct delayed_work *work,
		      unsigned long delay);

static inline bool cancel_delayed_work_sync(struct delayed_work *work)
{
	return cancel_work_sync(&work->work);
}

#define INIT_RCU_WORK(w, f)	INIT_WORK(&(w)->work, f)
/* A grace period later. */
void queue_rcu_work(struct workqueue_struct *wq, struct rcu_work *work);
#define to_rcu_work(w)		container_of(w, struct rcu_work, work)

#endif
