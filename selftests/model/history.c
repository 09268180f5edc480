// SPDX-License-Identifier: GPL-2.0-only
#include "history.h"

#include <stdio.h>
#include <string.h>

#define NR_QUEUES	4
#define NR_EXCHANGES	3

/* How often each operation is chosen, of all. */
static const unsigned char weight[NR_OPERATIONS] = {
	[DECLARE_QUEUE] = 3,
	[DELETE_QUEUE] = 1,
	[PURGE] = 1,
	[PAUSE] = 2,
	[REDRIVE] = 2,
	[DECLARE_EXCHANGE] = 2,
	[BIND] = 5,
	[BIND_EXCHANGE] = 2,
	[UNBIND] = 1,
	[OPEN_SESSION] = 1,
	[CLOSE_SESSION] = 1,
	[OPEN_PORT] = 1,
	[PUBLISH] = 40,
	[CONSUME] = 6,
	[CANCEL] = 2,
	[CLOSE_CONSUMER] = 1,
	[PULL] = 1,
	[GET] = 6,
	[SETTLE_ACK] = 10,
	[SETTLE_NACK] = 6,
	[SETTLE_REJECT] = 10,
	[TX] = 4,
	[COMMIT] = 4,
	[ROLLBACK] = 3,
	[ADVANCE] = 12,
	[CHANGE] = 2,
	[CANCEL_SCHEDULED] = 2,
	[OPEN_PRODUCER] = 2,
	[PUBLISH_NUMBERED] = 10,
	[WILL] = 2,
};

#define BIT(n)	(1u << (n))

const struct scope scope_all = { ~0u, ~0u, ~0u, ~0u, ~0u };

const struct scope scope_module = {
	.operations = ~0u,
	.queue_profiles = BIT(0) | BIT(1) | BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(7) |
			  BIT(9) | BIT(10) | BIT(11) | BIT(12) | BIT(13) | BIT(14) | BIT(15) |
			  BIT(16) | BIT(17) | BIT(18) | BIT(19) | BIT(20) | BIT(21) |
			  BIT(22) | BIT(23) | BIT(24) | BIT(25) | BIT(8) | BIT(26) | BIT(27) |
			  BIT(28) | BIT(29),
	.exchange_profiles = BIT(0) | BIT(1) | BIT(2) | BIT(3) | BIT(4) | BIT(5) |
			     BIT(6) | BIT(7),
	.consumer_profiles = BIT(0) | BIT(CONSUME_NOACK) | BIT(CONSUME_PREFERRED) |
			     BIT(CONSUME_PREFERRED | CONSUME_NOACK) | BIT(CONSUME_LOWER) |
			     BIT(CONSUME_LOWER | CONSUME_PREFERRED),
	.message_kinds = BIT(0) | BIT(1) | BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(7) |
			 BIT(8) | BIT(9) | BIT(10) | BIT(11) | BIT(12) | BIT(13) |
			 BIT(14) | BIT(15) | BIT(16) | BIT(17) | BIT(18) | BIT(19),
};

const struct scope scope_takers = {
	.operations = ~(BIT(TX) | BIT(COMMIT) | BIT(ROLLBACK) | BIT(DECLARE_EXCHANGE) |
			BIT(BIND_EXCHANGE) | BIT(OPEN_PRODUCER) | BIT(PUBLISH_NUMBERED)),
	.queue_profiles = BIT(7) | BIT(8) | BIT(19) | BIT(20) | BIT(26) | BIT(27) | BIT(28) |
			  BIT(29),
	.consumer_profiles = BIT(0) | BIT(CONSUME_NOACK) | BIT(CONSUME_PREFERRED) |
			     BIT(CONSUME_LOWER) | BIT(CONSUME_LOWER | CONSUME_PREFERRED),
	.message_kinds = BIT(0) | BIT(2) | BIT(3) | BIT(7) | BIT(11) | BIT(13) | BIT(17) |
			 BIT(18) | BIT(19),
};

static enum operation choose(struct random *r, uint32_t may)
{
	unsigned int i, sum = 0, at;

	for (i = 0; i < NR_OPERATIONS; i++)
		sum += may >> i & 1 ? weight[i] : 0;
	at = random_below(r, sum);
	for (i = 0; !(may >> i & 1) || at >= weight[i]; i++)
		at -= may >> i & 1 ? weight[i] : 0;
	return i;
}

/* One of the bits that are set, of so many. */
static unsigned int choose_bit(struct random *r, uint32_t may, unsigned int nr)
{
	unsigned int i;

	do
		i = random_below(r, nr);
	while (!(may >> i & 1));
	return i;
}

static void choose_profile(struct random *r, const struct scope *scope, struct step *s)
{
	if (s->op == DECLARE_QUEUE)
		s->n[2] = choose_bit(r, scope->queue_profiles, NR_QUEUE_PROFILES);
	else if (s->op == DECLARE_EXCHANGE)
		s->n[1] = choose_bit(r, scope->exchange_profiles, NR_EXCHANGE_PROFILES);
	else if (s->op == CONSUME)
		s->n[3] = choose_bit(r, scope->consumer_profiles, NR_CONSUMER_PROFILES);
	else if (s->op == PUBLISH)
		s->n[3] = choose_bit(r, scope->message_kinds, NR_MESSAGE_KINDS);
	else if (s->op == WILL && s->n[3] < NR_WILLS - 1)
		s->n[3] = choose_bit(r, scope->message_kinds, NR_MESSAGE_KINDS) +
			  s->n[3] / NR_MESSAGE_KINDS * NR_MESSAGE_KINDS;
}

/* Whether a step is of what a scope has. */
static bool is_in(const struct scope *scope, const struct step *s)
{
	if (!scope)
		return true;
	switch (s->op) {
	case DECLARE_QUEUE:
		return scope->queue_profiles >> s->n[2] & 1;
	case DECLARE_EXCHANGE:
		return scope->exchange_profiles >> s->n[1] & 1;
	case CONSUME:
		return scope->consumer_profiles >> s->n[3] & 1;
	case PUBLISH:
		return scope->message_kinds >> s->n[3] & 1;
	case WILL:
		return scope->message_kinds >> s->n[3] % NR_MESSAGE_KINDS & 1;
	default:
		return true;
	}
}

/* What each number of a step may be: from 0, below this. */
static void ranges(enum operation op, unsigned int *below)
{
	static const unsigned int table[NR_OPERATIONS][STEP_NUMBERS] = {
		[DECLARE_QUEUE] = { 2, NR_QUEUES, NR_QUEUE_PROFILES, 1 },
		[DELETE_QUEUE] = { 2, NR_QUEUES, 1, 1 },
		[PURGE] = { 2, NR_QUEUES, 1, 1 },
		[PAUSE] = { NR_QUEUES, 2, 1, 1 },
		[REDRIVE] = { NR_QUEUES, 4, 1, 1 },
		[DECLARE_EXCHANGE] = { NR_EXCHANGES, NR_EXCHANGE_PROFILES, 1, 1 },
		[BIND] = { 2, NR_EXCHANGES, NR_QUEUES, NR_KEYS },
		[BIND_EXCHANGE] = { 2, NR_EXCHANGES, NR_EXCHANGES, NR_KEYS },
		[UNBIND] = { 2, NR_EXCHANGES, NR_QUEUES, NR_KEYS },
		[OPEN_SESSION] = { 1, 1, 1, 1 },
		[CLOSE_SESSION] = { 3, 2, 1, 1 },
		[OPEN_PORT] = { 3, 1, 1, 1 },
		[PUBLISH] = { 3, NR_EXCHANGES, NR_QUEUES, NR_MESSAGE_KINDS },
		[CONSUME] = { 3, NR_QUEUES, 4, NR_CONSUMER_PROFILES },
		[CANCEL] = { 6, 1, 1, 1 },
		[CLOSE_CONSUMER] = { 6, 1, 1, 1 },
		[PULL] = { 3, 1, 1, 1 },
		[GET] = { 6, NR_QUEUES, 1, 1 },
		[SETTLE_ACK] = { 6, 2, 2, 1 },
		[SETTLE_NACK] = { 6, 3, 2, 2 },
		[SETTLE_REJECT] = { 6, 3, 1, 2 },
		[TX] = { 3, 1, 1, 1 },
		[COMMIT] = { 3, 1, 1, 1 },
		[ROLLBACK] = { 3, 1, 1, 1 },
		[ADVANCE] = { 6, 1, 1, 1 },
		[CHANGE] = { NR_QUEUES, NR_CHANGES, 1, 1 },
		[CANCEL_SCHEDULED] = { NR_QUEUES, NR_IDS, 1, 1 },
		[OPEN_PRODUCER] = { 3, 2, 1, 1 },
		[PUBLISH_NUMBERED] = { 6, NR_EXCHANGES, NR_QUEUES, NR_NUMBERINGS },
		[WILL] = { 3, NR_EXCHANGES, NR_QUEUES, NR_WILLS },
	};

	memcpy(below, table[op], sizeof(table[op]));
}

void history_make(struct history *h, const struct scope *scope, struct random *r,
		  unsigned int nr)
{
	static const struct step first[] = {
		{ OPEN_SESSION, {} },
		{ OPEN_SESSION, {} },
		{ OPEN_PORT, { 0 } },
		{ OPEN_PORT, { 1 } },
		{ PULL, { 0 } },
		{ DECLARE_EXCHANGE, { 1, 1 } },
	};
	unsigned int i, below[STEP_NUMBERS];

	memcpy(h->step, first, sizeof(first));
	h->scope = scope;
	h->nr = sizeof(first) / sizeof(first[0]);
	while (h->nr < nr && h->nr < HISTORY_ROOM) {
		struct step *s = &h->step[h->nr++];

		/* queues and consumers of some kinds early on */
		s->op = choose(r, scope->operations);
		if (h->nr < 16)
			s->op = h->nr % 2 ? DECLARE_QUEUE : CONSUME;
		ranges(s->op, below);
		for (i = 0; i < STEP_NUMBERS; i++)
			s->n[i] = random_below(r, below[i]);
		choose_profile(r, scope, s);
	}
}

static unsigned long compared;

unsigned long history_compared(void)
{
	return compared;
}

static int run(const struct history *h, const struct driver *a, void *on_a,
	       const struct driver *b, void *on_b, struct text *a_says, struct text *b_says)
{
	unsigned int i;

	for (i = 0; i < h->nr; i++, compared++) {
		struct text says[2] = {};
		bool differ;

		a->apply(on_a, &h->step[i], i, &says[0]);
		b->apply(on_b, &h->step[i], i, &says[1]);
		if (a->undecided && a->undecided(on_a)) {
			text_clear(&says[0]);
			text_clear(&says[1]);
			return -1;
		}
		differ = strcmp(text_of(&says[0]), text_of(&says[1]));
		if (differ && a_says)
			text_add(a_says, "%s", says[0].s);
		if (differ && b_says)
			text_add(b_says, "%s", says[1].s);
		text_clear(&says[0]);
		text_clear(&says[1]);
		if (differ)
			return i;
	}
	return -1;
}

int history_differs(const struct history *h, const struct driver *a, const struct driver *b,
		    struct text *a_says, struct text *b_says)
{
	void *on_a = a->open(), *on_b = b->open();
	int at = run(h, a, on_a, b, on_b, a_says, b_says);

	a->close(on_a);
	b->close(on_b);
	return at;
}

static void leave_out(const struct history *from, struct history *to, unsigned int at,
		      unsigned int nr)
{
	to->scope = from->scope;
	to->nr = from->nr - nr;
	memcpy(to->step, from->step, at * sizeof(from->step[0]));
	memcpy(to->step + at, from->step + at + nr,
	       (from->nr - at - nr) * sizeof(from->step[0]));
}

/* What two brokers differ in, and how often they were asked. */
struct search {
	const struct driver *a, *b;
	unsigned int runs;
};

/* Whether a candidate still differs: then it is the history, cut behind that. */
static bool accept(struct search *search, struct history *h, struct history *candidate)
{
	int last = history_differs(candidate, search->a, search->b, NULL, NULL);

	search->runs++;
	if (last < 0)
		return false;
	candidate->nr = last + 1;
	*h = *candidate;
	return true;
}

/* Leave out halves, quarters, ... single steps, as long as the rest still differs. */
static bool shorten(struct search *search, struct history *h)
{
	static struct history shorter;
	unsigned int size, at;
	bool progress = false;

	for (size = h->nr / 2; size; size /= 2)
		for (at = 0; at + size <= h->nr;) {
			leave_out(h, &shorter, at, size);
			if (accept(search, h, &shorter))
				progress = true;
			else
				at += size;
		}
	return progress;
}

/* What the first number of an operation stands for: what opened it. */
static bool refers_to(enum operation op, enum operation opened)
{
	switch (op) {
	case PUBLISH:
	case PUBLISH_NUMBERED:
		return opened == OPEN_PORT || opened == OPEN_PRODUCER;
	case CANCEL:
	case CLOSE_CONSUMER:
	case GET:
	case SETTLE_ACK:
	case SETTLE_NACK:
	case SETTLE_REJECT:
		return opened == CONSUME || opened == PULL;
	case PAUSE:
	case CHANGE:
	case CANCEL_SCHEDULED:
	case REDRIVE:
	case DECLARE_EXCHANGE:
	case OPEN_SESSION:
	case ADVANCE:
		return false;
	default:
		return opened == OPEN_SESSION;
	}
}

static bool is_like(enum operation a, enum operation b)
{
	return a == b || (a == CONSUME && b == PULL) || (a == PULL && b == CONSUME) ||
	       (a == OPEN_PORT && b == OPEN_PRODUCER) || (a == OPEN_PRODUCER && b == OPEN_PORT);
}

/* Leave out what was opened, and give those after it the number before. */
static bool renumber(struct search *search, struct history *h)
{
	static struct history fewer;
	unsigned int at, i, nr;
	bool progress = false;

	for (at = 0; at < h->nr; at++) {
		enum operation op = h->step[at].op;

		if (op != OPEN_SESSION && op != OPEN_PORT && op != OPEN_PRODUCER && op != CONSUME &&
		    op != PULL)
			continue;
		for (nr = 0, i = 0; i < at; i++)
			nr += is_like(h->step[i].op, op);
		leave_out(h, &fewer, at, 1);
		for (i = at; i < fewer.nr; i++)
			if (refers_to(fewer.step[i].op, op) && fewer.step[i].n[0] > nr)
				fewer.step[i].n[0]--;
		progress |= accept(search, h, &fewer);
	}
	return progress;
}

/* Make numbers smaller: then fewer objects are needed, and steps can go. */
static bool lower(struct search *search, struct history *h)
{
	static struct history lower;
	unsigned int i, j, n;
	bool progress = false;

	for (i = 0; i < h->nr; i++)
		for (j = 0; j < STEP_NUMBERS; j++)
			for (n = 0; i < h->nr && n < h->step[i].n[j]; n++) {
				lower = *h;
				lower.step[i].n[j] = n;
				if (is_in(h->scope, &lower.step[i]) &&
				    accept(search, h, &lower)) {
					progress = true;
					break;
				}
			}
	return progress;
}

/* Delta debugging, until nothing makes it shorter or simpler. */
unsigned int history_shrink(struct history *h, const struct driver *a, const struct driver *b)
{
	struct search search = { .a = a, .b = b };
	static struct history whole;

	whole = *h;
	if (!accept(&search, h, &whole))
		return search.runs;
	while (shorten(&search, h) || renumber(&search, h) || lower(&search, h))
		;
	return search.runs;
}

void history_print(const struct history *h, const char *prefix)
{
	unsigned int i;

	for (i = 0; i < h->nr; i++) {
		struct text t = {};

		step_print(&t, &h->step[i]);
		printf("%s%s\n", prefix, t.s);
		text_clear(&t);
	}
}
