// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel services for userspace: memory, RCU, hashes.
 */
#include "shim.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <linux/jhash.h>
#include <linux/lockdep.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/siphash.h>
#include <linux/slab.h>

__thread char shim_self;

/*
 * Memory
 */

static unsigned long fail_nth;
static bool failed;
static size_t live;

void shim_fail_nth(unsigned long n)
{
	fail_nth = n;
	failed = false;
}

bool shim_failed(void)
{
	return failed;
}

size_t shim_live(void)
{
	return __atomic_load_n(&live, __ATOMIC_RELAXED);
}

void *shim_alloc(size_t size)
{
	if (fail_nth && !--fail_nth) {
		failed = true;
		return NULL;
	}
	return malloc(size);
}

void *kmalloc(size_t size, gfp_t gfp)
{
	void *ptr = shim_alloc(size);

	if (!ptr)
		return NULL;
	/* Zero or rubbish, never zero by chance. */
	memset(ptr, gfp & __GFP_ZERO ? 0 : 0xa5, size);
	__atomic_add_fetch(&live, 1, __ATOMIC_RELAXED);
	return ptr;
}

void kfree(const void *ptr)
{
	if (!ptr)
		return;
	__atomic_sub_fetch(&live, 1, __ATOMIC_RELAXED);
	free((void *)ptr);
}

unsigned long __get_free_pages(gfp_t gfp, unsigned int order)
{
	size_t size = 4096ul << order;
	void *page;

	if (fail_nth && !--fail_nth) {
		failed = true;
		return 0;
	}
	page = aligned_alloc(size, size);
	memset(page, gfp & __GFP_ZERO ? 0 : 0xa5, size);
	__atomic_add_fetch(&live, 1, __ATOMIC_RELAXED);
	return (unsigned long)page;
}

unsigned long __get_free_page(gfp_t gfp)
{
	return __get_free_pages(gfp, 0);
}

void free_pages(unsigned long addr, unsigned int order)
{
	kfree((void *)addr);
}

void free_page(unsigned long addr)
{
	kfree((void *)addr);
}

size_t kmalloc_size_roundup(size_t size)
{
	size_t bucket;

	if (size > 64 && size <= 96)
		return 96;
	if (size > 128 && size <= 192)
		return 192;
	for (bucket = 8; bucket < size; bucket *= 2)
		;
	return bucket;
}

/*
 * RCU
 */

static pthread_rwlock_t readers = PTHREAD_RWLOCK_INITIALIZER;
static pthread_mutex_t pending_lock = PTHREAD_MUTEX_INITIALIZER;
static struct rcu_head *pending;
static __thread unsigned int depth;

static struct rcu_head *take_pending(void)
{
	struct rcu_head *list;

	pthread_mutex_lock(&pending_lock);
	list = pending;
	shim_write(pending, (struct rcu_head *)NULL);
	pthread_mutex_unlock(&pending_lock);
	return list;
}

static void run_callbacks(struct rcu_head *list)
{
	while (list) {
		struct rcu_head *head = list;
		size_t offset = (size_t)head->func;

		list = head->next;
		/* As in the kernel: a small number is kfree_rcu()'s offset. */
		if (offset < 4096)
			kfree((char *)head - offset);
		else
			head->func(head);
	}
}

/* What was unlinked by now, no one sees any more: nobody reads. */
static void run_callbacks_if_idle(void)
{
	struct rcu_head *list;

	if (depth || !shim_read(pending) || pthread_rwlock_trywrlock(&readers))
		return;
	list = take_pending();
	pthread_rwlock_unlock(&readers);
	run_callbacks(list);
}

void rcu_read_lock(void)
{
	if (depth++)
		return;
	BUG_ON(pthread_rwlock_rdlock(&readers));
#ifdef SHIM_WEAK
	/* What is read inside is not older than a grace period that has ended. */
	weak_fence();
#endif
}

void rcu_read_unlock(void)
{
	BUG_ON(!depth);
	if (--depth)
		return;
	BUG_ON(pthread_rwlock_unlock(&readers));
	run_callbacks_if_idle();
}

bool rcu_read_lock_held(void)
{
	return depth;
}

void synchronize_rcu(void)
{
	BUG_ON(depth);
	BUG_ON(pthread_rwlock_wrlock(&readers));
	pthread_rwlock_unlock(&readers);
}

void rcu_barrier(void)
{
	struct rcu_head *list = take_pending();

	synchronize_rcu();
	run_callbacks(list);
}

void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
	head->func = func;
	pthread_mutex_lock(&pending_lock);
	head->next = pending;
	shim_write(pending, head);
	pthread_mutex_unlock(&pending_lock);
	run_callbacks_if_idle();
}

/*
 * Hashes: FNV-1a, finished so that low bits depend on all
 */

u32 shim_hash_mask = ~0U;

static u32 hash_bytes(const void *data, size_t len, u64 seed)
{
	const u8 *p = data;
	u64 h = 0xcbf29ce484222325ULL ^ seed;

	while (len--)
		h = (h ^ *p++) * 0x100000001b3ULL;
	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15ULL;
	return (u32)(h >> 32) & shim_hash_mask;
}

u32 jhash(const void *data, u32 len, u32 seed)
{
	return hash_bytes(data, len, seed);
}

u32 hsiphash(const void *data, size_t len, const hsiphash_key_t *key)
{
	return hash_bytes(data, len, key->key[0] + key->key[1]);
}

void get_random_bytes(void *buf, size_t len)
{
	static u64 state = 1;
	u8 *p = buf;

	while (len--) {
		state = state * 6364136223846793005ULL + 1442695040888963407ULL;
		*p++ = state >> 56;
	}
}
