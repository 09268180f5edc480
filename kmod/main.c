// SPDX-License-Identifier: GPL-2.0-only
/*
 * mqk - a message broker inside the kernel.
 */
#include <linux/module.h>
#include <linux/rcupdate.h>

#include "dev.h"
#include "tap.h"
#include "work.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

struct workqueue_struct *mqk_workqueue;
struct workqueue_struct *mqk_reaper_workqueue;

/*
 * Wait for everything that was put off.  Readers' grace periods queue works, a
 * work may put something off for another grace period, and what that frees may
 * be the last that kept a broker.
 */
static void stop_work(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		rcu_barrier();
		flush_workqueue(mqk_workqueue);
	}
	destroy_workqueue(mqk_reaper_workqueue);
	destroy_workqueue(mqk_workqueue);
	rcu_barrier();
	mqk_taps_exit();
}

static int __init mqk_init(void)
{
	int err = -ENOMEM;

	mqk_workqueue = alloc_workqueue("mqk", WQ_UNBOUND, 0);
	if (!mqk_workqueue)
		return err;
	mqk_reaper_workqueue = alloc_workqueue("mqk-reaper", WQ_UNBOUND, 0);
	if (!mqk_reaper_workqueue) {
		destroy_workqueue(mqk_workqueue);
		return err;
	}
	err = mqk_dev_init();
	if (err)
		stop_work();
	return err;
}

static void __exit mqk_exit(void)
{
	/* Nothing is open: what is left are brokers, and what frees them. */
	mqk_dev_exit();
	stop_work();
}

module_init(mqk_init);
module_exit(mqk_exit);

MODULE_DESCRIPTION("Message broker inside the kernel");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
