// SPDX-License-Identifier: GPL-2.0-only
/*
 * The past of shared words. Time counts stores; a word's record tells what it
 * held until when.
 */
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

void weak_store(void *p, const void *value, unsigned int size);
void weak_load(const volatile void *p, void *value, unsigned int size, bool acquire);
void weak_fence(void);

#define WORDS	1024u		/* that have a past, by hash: later ones push others out */
#define PAST	8u
#define SEEN	256u

struct word {
	pthread_mutex_t lock;
	const volatile void *p;
	unsigned int nr;	/* stores so far */
	struct {
		uint64_t value;
		uint64_t until;
	} past[PAST];
};

static struct word words[WORDS];
static uint64_t now = 1;

static __thread uint32_t random_state;
/* Loads happen after this. */
static __thread uint64_t not_before;
/* And those of a word, by hash, after that. */
static __thread struct {
	const volatile void *p;
	uint64_t time;
} seen[SEEN];

static unsigned int hash(const volatile void *p)
{
	return (uintptr_t)p * 0x9e3779b97f4a7c15ull >> 40;
}

static unsigned int random_below(unsigned int n)
{
	if (!random_state)
		random_state = (uint32_t)(uintptr_t)&random_state | 1;
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % n;
}

__attribute__((constructor))
static void init(void)
{
	unsigned int i;

	for (i = 0; i < WORDS; i++)
		pthread_mutex_init(&words[i].lock, NULL);
}

static uint64_t time_passes(void)
{
	return __atomic_add_fetch(&now, 1, __ATOMIC_SEQ_CST);
}

/* The others run, or time passes. */
static void dawdle(void)
{
	volatile unsigned int n = 100;

	if (random_below(2))
		sched_yield();
	else
		while (n--)
			;
}

void weak_fence(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	not_before = __atomic_load_n(&now, __ATOMIC_SEQ_CST);
}

static void note_seen(const volatile void *p, uint64_t time)
{
	unsigned int i = hash(p) % SEEN;

	seen[i].p = p;
	seen[i].time = time;
}

static uint64_t read_word(const volatile void *p, unsigned int size)
{
	switch (size) {
	case 1:
		return __atomic_load_n((const volatile uint8_t *)p, __ATOMIC_ACQUIRE);
	case 2:
		return __atomic_load_n((const volatile uint16_t *)p, __ATOMIC_ACQUIRE);
	case 4:
		return __atomic_load_n((const volatile uint32_t *)p, __ATOMIC_ACQUIRE);
	default:
		return __atomic_load_n((const volatile uint64_t *)p, __ATOMIC_ACQUIRE);
	}
}

static void write_word(void *p, const void *value, unsigned int size)
{
	switch (size) {
	case 1:
		__atomic_store_n((uint8_t *)p, *(const uint8_t *)value, __ATOMIC_RELEASE);
		break;
	case 2:
		__atomic_store_n((uint16_t *)p, *(const uint16_t *)value, __ATOMIC_RELEASE);
		break;
	case 4:
		__atomic_store_n((uint32_t *)p, *(const uint32_t *)value, __ATOMIC_RELEASE);
		break;
	default:
		__atomic_store_n((uint64_t *)p, *(const uint64_t *)value, __ATOMIC_RELEASE);
		break;
	}
}

void weak_store(void *p, const void *value, unsigned int size)
{
	struct word *w = &words[hash(p) % WORDS];
	uint64_t time;

	pthread_mutex_lock(&w->lock);
	if (w->p != p) {
		w->p = p;
		w->nr = 0;
	}
	w->past[w->nr % PAST].value = read_word(p, size);
	time = time_passes();
	w->past[w->nr % PAST].until = time;
	w->nr++;
	write_word(p, value, size);
	pthread_mutex_unlock(&w->lock);
	note_seen(p, time);
	if (!random_below(32))
		dawdle();
}

/* The caller has read what is there now. */
void weak_load(const volatile void *p, void *value, unsigned int size, bool acquire)
{
	struct word *w = &words[hash(p) % WORDS];
	uint64_t from = not_before, at;
	unsigned int i;

	if (!random_below(32))
		dawdle();
	if (seen[hash(p) % SEEN].p == p && seen[hash(p) % SEEN].time > from)
		from = seen[hash(p) % SEEN].time;
	pthread_mutex_lock(&w->lock);
	at = __atomic_load_n(&now, __ATOMIC_SEQ_CST);
	i = w->p == p ? w->nr : 0;
	/* back while it held something else after that moment */
	while (i && w->nr - i < PAST && w->past[(i - 1) % PAST].until > from && random_below(2)) {
		i--;
		at = w->past[i % PAST].until - 1;
		memcpy(value, &w->past[i % PAST].value, size);
	}
	if (w->p != p || i == w->nr) {
		uint64_t fresh = read_word(p, size);

		memcpy(value, &fresh, size);
	}
	pthread_mutex_unlock(&w->lock);
	note_seen(p, at);
	if (acquire && at > not_before)
		not_before = at;
}
