/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_SCHED_H
#define SHIM_LINUX_SCHED_H

#include <linux/types.h>

struct task_struct;

/* No signals here. */
#define current				((struct task_struct *)NULL)
#define task_tgid_nr(task)		((void)(task), 1)
#define signal_pending(task)		((void)(task), false)
#define fatal_signal_pending(task)	((void)(task), false)

static inline void cond_resched(void)
{
}

#define TASK_RUNNING		0
#define TASK_INTERRUPTIBLE	1

/* Sleep until woken, if the state still says so: see wait.h. */
void schedule(void);

#endif
