/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_COMPILER_H
#define SHIM_LINUX_COMPILER_H

#undef __always_inline
#define __always_inline	inline __attribute__((always_inline))
#define noinline_for_stack	__attribute__((__noinline__))
#define noinline	__attribute__((noinline))
#define __uninitialized
#define __must_hold(lock)

#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)

/* Atomic for the thread sanitizer's sake; no ordering, as in the kernel. */
#define shim_read(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define shim_write(x, val)	__atomic_store_n(&(x), (val), __ATOMIC_RELAXED)

#ifndef SHIM_WEAK
#define READ_ONCE(x)			shim_read(x)
#define WRITE_ONCE(x, val)		shim_write(x, val)
#define smp_mb()			__atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_load_acquire(p)		__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define smp_store_release(p, v)		__atomic_store_n(p, v, __ATOMIC_RELEASE)
#else
/* The shim's own words stay as they are. */
void weak_store(void *p, const void *value, unsigned int size);
void weak_load(const volatile void *p, void *value, unsigned int size, _Bool acquire);
void weak_fence(void);

#define shim_weak_read(p, acquire) ({ \
	__auto_type _value = __atomic_load_n(p, __ATOMIC_ACQUIRE); \
	weak_load(p, &_value, sizeof(_value), acquire); \
	_value; \
})
#define shim_weak_write(p, v) ({ \
	__typeof__(*(p)) _value = (v); \
	weak_store((void *)(p), &_value, sizeof(_value)); \
})
#define smp_mb()			weak_fence()
#define smp_load_acquire(p)		shim_weak_read(p, 1)
#define smp_store_release(p, v)		shim_weak_write(p, v)
#define READ_ONCE(x)			shim_weak_read(&(x), 0)
#define WRITE_ONCE(x, val)		shim_weak_write(&(x), val)
#endif

#endif
