/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_RCUPDATE_H
#define SHIM_LINUX_RCUPDATE_H

/*
 * RCU on a reader-writer lock. What call_rcu() and kfree_rcu() take is freed at
 * once when no thread reads, otherwise by the first one to find that so: the
 * address sanitizer sees a use after the earliest grace period possible.
 */

#include <linux/compiler.h>
#include <linux/kernel.h>
#include <linux/types.h>

void rcu_read_lock(void);
void rcu_read_unlock(void);
bool rcu_read_lock_held(void);
void synchronize_rcu(void);
void rcu_barrier(void);
void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head));

#define kvfree_rcu(p, member)	kfree_rcu(p, member)
#define kfree_rcu(ptr, member) \
	call_rcu(&(ptr)->member, \
		 (void (*)(struct rcu_head *))offsetof(typeof(*(ptr)), member))

#define rcu_assign_pointer(p, v)	__atomic_store_n(&(p), (v), __ATOMIC_RELEASE)
#define RCU_INIT_POINTER(p, v)		shim_write(p, v)
#define rcu_access_pointer(p)		shim_read(p)

#define rcu_dereference_check(p, cond) ({ \
	BUG_ON(!(cond) && !rcu_read_lock_held()); \
	__atomic_load_n(&(p), __ATOMIC_ACQUIRE); \
})
#define rcu_dereference(p)		rcu_dereference_check(p, false)
#define rcu_dereference_protected(p, cond) ({ \
	BUG_ON(!(cond)); \
	shim_read(p); \
})

#endif
