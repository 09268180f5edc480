/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module's workqueue: everything that is put off until it may sleep, or
 * until readers are gone, runs here, so that unloading waits for one queue.
 */
#ifndef MQK_WORK_H
#define MQK_WORK_H

#include <linux/workqueue.h>

extern struct workqueue_struct *mqk_workqueue;

/* Frees brokers, which waits for what runs on the other one. */
extern struct workqueue_struct *mqk_reaper_workqueue;

#endif /* MQK_WORK_H */
