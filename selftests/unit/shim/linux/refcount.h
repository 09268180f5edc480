/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_REFCOUNT_H
#define SHIM_LINUX_REFCOUNT_H

#include <linux/atomic.h>
#include <linux/mutex.h>

/* Where the kernel's saturates and warns, this one stops the test. */
typedef struct {
	atomic_t refs;
} refcount_t;

static inline void refcount_set(refcount_t *r, int n)
{
	atomic_set(&r->refs, n);
}

static inline int refcount_read(const refcount_t *r)
{
	return atomic_read(&r->refs);
}

static inline void refcount_inc(refcount_t *r)
{
	BUG_ON(atomic_inc_return(&r->refs) <= 1);
}

static inline void refcount_dec(refcount_t *r)
{
	BUG_ON(atomic_dec_return(&r->refs) <= 0);
}

static inline bool refcount_dec_and_test(refcount_t *r)
{
	int left = atomic_dec_return(&r->refs);

	BUG_ON(left < 0);
	return !left;
}

/* Returns with the lock if it was the last one. */
#define refcount_dec_and_mutex_lock(r, lock) \
	(mutex_lock(lock), refcount_dec_and_test(r) || (mutex_unlock(lock), false))

static inline bool refcount_inc_not_zero(refcount_t *r)
{
	int n = atomic_read(&r->refs);

	do {
		if (!n)
			return false;
	} while (!__atomic_compare_exchange_n(&r->refs.counter, &n, n + 1, false,
					      __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
	return true;
}

#endif
