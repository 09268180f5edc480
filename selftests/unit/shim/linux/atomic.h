/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_ATOMIC_H
#define SHIM_LINUX_ATOMIC_H

#include <linux/kernel.h>

/* Like the kernel's calls that return a value, all of these order everything. */

#ifdef SHIM_WEAK
#define shim_order()	weak_fence()
#else
#define shim_order()	((void)0)
#endif

#define shim_atomic(type, prefix, value) \
static inline void prefix##_set(type *v, value n) \
{ \
	__atomic_store_n(&v->counter, n, __ATOMIC_RELAXED); \
} \
static inline value prefix##_read(const type *v) \
{ \
	return __atomic_load_n(&v->counter, __ATOMIC_RELAXED); \
} \
static inline value prefix##_add_return(value n, type *v) \
{ \
	shim_order(); \
	return __atomic_add_fetch(&v->counter, n, __ATOMIC_SEQ_CST); \
} \
static inline value prefix##_sub_return(value n, type *v) \
{ \
	shim_order(); \
	return __atomic_sub_fetch(&v->counter, n, __ATOMIC_SEQ_CST); \
} \
static inline value prefix##_inc_return(type *v) \
{ \
	return prefix##_add_return(1, v); \
} \
static inline value prefix##_dec_return(type *v) \
{ \
	return prefix##_sub_return(1, v); \
} \
static inline void prefix##_add(value n, type *v) \
{ \
	prefix##_add_return(n, v); \
} \
static inline void prefix##_sub(value n, type *v) \
{ \
	prefix##_sub_return(n, v); \
}

shim_atomic(atomic_t, atomic, int)
shim_atomic(atomic64_t, atomic64, s64)

#define xchg(ptr, new)	__atomic_exchange_n(ptr, new, __ATOMIC_SEQ_CST)

#define cmpxchg(ptr, old, new)						\
({									\
	__typeof__(*(ptr)) shim_old = (old);				\
									\
	shim_order();							\
	__atomic_compare_exchange_n((ptr), &shim_old, (new), false,	\
				    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);\
	shim_old;							\
})

/*
 * The thread sanitizer knows nothing of fences: what one of them orders must not
 * be what keeps ordinary memory from a race.
 */
#define barrier()			__asm__ volatile("" ::: "memory")

#endif
