/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_WEAK_H
#define SHIM_WEAK_H

/*
 * A processor that reads early: a load of a shared word may give what the word
 * held at any moment since the thread's last fence, lock or read-modify-write,
 * as if it had been carried out before the stores in between. So store buffers
 * and speculation look to others, only that here it happens all the time and on
 * any machine: what a fence is for goes wrong without it, soon.
 *
 * A word never goes backwards for a thread, and what a thread has stored itself
 * it sees. Only what goes through READ_ONCE(), WRITE_ONCE() and their like has a
 * past; ordinary accesses are as they are.
 *
 * This header turns the compiler's atomic loads and stores into such ones, from
 * where it is included to the end, or to weak_end.h.
 */

#include <stdbool.h>

void weak_store(void *p, const void *value, unsigned int size);
void weak_load(const volatile void *p, void *value, unsigned int size, bool acquire);
void weak_fence(void);

#define __atomic_load_n(p, order) ({ \
	__auto_type _weak_value = __atomic_load_n(p, order); \
	weak_load(p, &_weak_value, sizeof(_weak_value), (order) == __ATOMIC_ACQUIRE); \
	_weak_value; \
})
#define __atomic_store_n(p, value, order) ({ \
	__typeof__(p) _weak_p = (p); \
	__typeof__(*_weak_p) _weak_value = (value); \
	weak_store((void *)_weak_p, &_weak_value, sizeof(_weak_value)); \
})
#define __atomic_thread_fence(order)	weak_fence()

#endif
