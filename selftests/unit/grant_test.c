// SPDX-License-Identifier: GPL-2.0-only
/*
 * References to segments from several threads: writers that give them away and
 * close at any moment, others that add and drop some.
 */
#include <pthread.h>
#include <string.h>

#include <linux/err.h>

#include "accounts.h"
#include "kmod/segment.h"
#include "random.h"
#include "shim.h"
#include "test.h"

#define WRITERS		2
#define DROPPERS	2
#ifdef __SANITIZE_THREAD__
#define SEGMENTS	6000u		/* that each writer opens */
#else
#define SEGMENTS	40000u
#endif
#define NUMBERS		4096u
#define RING		1024u

static struct mqk_store store;
static struct payer payer;

/*
 * By number of the segment: references that nobody has begun to drop. Touched
 * before the real count, so that it is 0 when the last reference goes.
 */
static int out[NUMBERS];
static unsigned long early, stale, opened, dropped, added;

struct given {
	struct mqk_segment *seg;
	u32 generation;
};

/* As a queue under its lock. */
static struct given ring[RING];
static u32 head, tail;
static bool ended;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void push(struct given g)
{
	pthread_mutex_lock(&lock);
	while (tail - head == RING)
		pthread_cond_wait(&changed, &lock);
	ring[tail++ % RING] = g;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static bool pop(struct given *g)
{
	bool some;

	pthread_mutex_lock(&lock);
	while (head == tail && !ended)
		pthread_cond_wait(&changed, &lock);
	some = head != tail;
	if (some) {
		*g = ring[head++ % RING];
		pthread_cond_broadcast(&changed);
	}
	pthread_mutex_unlock(&lock);
	return some;
}

static void count(unsigned long *what, unsigned long n)
{
	__atomic_add_fetch(what, n, __ATOMIC_RELAXED);
}

/* Few, so that dropping the last meets closing; or about a grant; or many. */
static u32 how_many(struct random *r)
{
	switch (random_below(r, 4)) {
	case 0:
		return MQK_MESSAGE_GRANT - 2 + random_below(r, 5);
	case 1:
		return random_below(r, 200);
	default:
		return random_below(r, 4);
	}
}

static void *writer(void *arg)
{
	struct random r = random_from((unsigned long)arg);
	u32 i, n;

	for (i = 0; i < SEGMENTS; i++) {
		struct mqk_segment *seg;

		seg = mqk_segment_open(&store, 1, false, &payer.tenant, NULL);
		BUG_ON(IS_ERR(seg) || seg->no >= NUMBERS);
		count(&early, __atomic_load_n(&out[seg->no], __ATOMIC_SEQ_CST) != 0);
		for (n = how_many(&r); n; n--) {
			mqk_charge(&payer.tenant, MQK_RES_MESSAGES, 1, NULL);
			mqk_segment_give(seg, 1);
			__atomic_add_fetch(&out[seg->no], 1, __ATOMIC_SEQ_CST);
			push((struct given){ seg, seg->generation });
		}
		if (random_below(&r, 4) == 0)
			sched_yield();
		mqk_segment_close(seg);
	}
	count(&opened, SEGMENTS);
	return NULL;
}

static void drop(struct mqk_segment *seg)
{
	__atomic_sub_fetch(&out[seg->no], 1, __ATOMIC_SEQ_CST);
	mqk_segment_put(seg);
}

static void *dropper(void *arg)
{
	struct random r = random_from(100 + (unsigned long)arg);
	unsigned long drops = 0, adds = 0;
	struct given g;
	u32 n;

	while (pop(&g)) {
		/* An ordinary read: the thread sanitizer sees it reopened early. */
		count(&stale, g.seg->generation != g.generation);
		if (random_below(&r, 8) == 0) {
			n = 1 + random_below(&r, random_below(&r, 4) ? 4 : 130);
			mqk_charge(&payer.tenant, MQK_RES_MESSAGES, n, NULL);
			__atomic_add_fetch(&out[g.seg->no], n, __ATOMIC_SEQ_CST);
			mqk_segment_get(g.seg, n);
			adds += n;
			drops += n;
			while (n--)
				drop(g.seg);
		}
		drop(g.seg);
		drops++;
	}
	count(&dropped, drops);
	count(&added, adds);
	return NULL;
}

static void test_threads(void)
{
	pthread_t thread[WRITERS + DROPPERS];
	unsigned long i;

	mqk_store_init(&store, MQK_SEGMENT_SIZE_MIN);
	store.pool_max = 8;
	payer_init(&payer);
	shim_work_start();
	for (i = 0; i < WRITERS + DROPPERS; i++)
		BUG_ON(pthread_create(&thread[i], NULL, i < WRITERS ? writer : dropper, (void *)i));
	for (i = 0; i < WRITERS; i++)
		pthread_join(thread[i], NULL);
	pthread_mutex_lock(&lock);
	ended = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	for (; i < WRITERS + DROPPERS; i++)
		pthread_join(thread[i], NULL);

	test_note("%lu segments, %lu references added, %lu dropped", opened, added, dropped);
	CHECK_EQ(early, 0);
	CHECK_EQ(stale, 0);
	CHECK_EQ(payer_used(&payer, MQK_RES_MESSAGES), 0);
	CHECK_EQ(payer_used(&payer, MQK_RES_BYTES), 0);
	CHECK_EQ(store.nr_used, 0);
	mqk_store_destroy(&store);
	shim_work_stop();
	rcu_barrier();
	CHECK_EQ(shim_live(), 0);
}

static const struct test tests[] = {
	{ "everything is given back, and nothing too early", test_threads },
};

TEST_MAIN(tests)
