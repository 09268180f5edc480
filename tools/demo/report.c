// SPDX-License-Identifier: GPL-2.0-only
/*
 * mqk-demo-report: hold what the consumers noted against what was expected.
 *
 * In DIR: records (how many there are), published (what the publisher printed),
 * expect/QUEUE (number and sum of each record that has to come, by
 * tools/demo/expect), results/QUEUE.1 to .9 (by the consumers), carry/1 to 9.
 *
 * For each queue and record:
 *   delivered	a process acknowledged it, and its sum is right
 *   lost	expected, and not delivered
 *   duplicated	came more than once as a first delivery, or was acknowledged more
 *		than once; but what a killed process had, at most its prefetch
 *		messages, may come again if it is flagged as redelivered
 *   wrong	came and was not expected, came with another sum, or came in
 *		another order than it was published
 */
#include "results.h"
#include "say.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONSUMERS_MAX	9

struct wanted {
	uint32_t sum;
	bool expected;
};

struct tally {
	uint64_t expected, delivered, redelivered, lost, duplicated, wrong;
	uint64_t messages, bytes, first_ns, last_ns;
};

static const char *dir;
static uint64_t records;

static FILE *open_in(const char *kind, const char *name)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s%s", dir, kind, name);
	f = fopen(path, "r");
	if (!f)
		die(path, errno);
	return f;
}

static uint64_t read_number(const char *name)
{
	FILE *f = open_in("", name);
	uint64_t n;

	if (fscanf(f, "%" SCNu64, &n) != 1)
		die(name, EINVAL);
	fclose(f);
	return n;
}

static struct wanted *read_wanted(const char *queue)
{
	struct wanted *w = calloc(records + 1, sizeof(*w));
	FILE *f = open_in("expect/", queue);
	uint64_t id;
	uint32_t sum;
	int got;

	if (!w)
		die("memory", ENOMEM);
	while ((got = fscanf(f, "%" SCNu64 " %" SCNx32, &id, &sum)) == 2) {
		if (id >= records)
			die(queue, ERANGE);
		w[id].sum = sum;
		w[id].expected = true;
	}
	if (got != EOF)
		die(queue, EINVAL);
	fclose(f);
	return w;
}

static int read_results(const char *kind, const char *queue,
			const struct results **r)
{
	char path[4096];
	int n, i;

	for (n = 0, i = 1; i <= CONSUMERS_MAX; i++) {
		snprintf(path, sizeof(path), "%s/%s%s%d", dir, kind, queue, i);
		r[n] = results_open(path);
		if (!r[n])
			continue;
		if (r[n]->records != records)
			die(path, EINVAL);
		n++;
	}
	return n;
}

static bool killed(const struct results *r)
{
	return atomic_load(&r->state) != RESULTS_DONE;
}

/* What all consumers of a queue did with a record. */
struct fate {
	unsigned int plain, flagged, acked, acked_alive, right;
};

static void tally_record(struct tally *t, const struct wanted *w,
			 const struct fate *f, uint64_t *again)
{
	unsigned int came = f->plain + f->flagged, twice = 0;

	t->expected += w->expected;
	if (!came || !w->expected) {
		t->lost += w->expected;
		t->wrong += came;
		return;
	}
	t->wrong += came > f->right ? 1 : 0;
	if (f->acked && f->right)
		t->delivered++;
	else
		t->lost++;
	if (f->plain > 1)
		twice = f->plain - 1;
	if (f->acked_alive > 1 && f->acked_alive - 1 > twice)
		twice = f->acked_alive - 1;
	t->duplicated += twice;
	/* Acknowledged by one that was killed, and once more. */
	*again += f->acked - f->acked_alive && f->acked_alive;
}

static struct tally tally_queue(const struct wanted *w,
				const struct results *const *r, int n)
{
	struct tally t = { 0 };
	uint64_t id, again = 0, allowed = 0;
	int i;

	for (i = 0; i < n; i++) {
		t.messages += atomic_load(&r[i]->messages);
		t.bytes += r[i]->bytes;
		t.redelivered += r[i]->flagged;
		t.wrong += r[i]->strange + r[i]->disorder;
		allowed += killed(r[i]) ? r[i]->prefetch : 0;
		if (r[i]->first_ns && (!t.first_ns || r[i]->first_ns < t.first_ns))
			t.first_ns = r[i]->first_ns;
		if (r[i]->last_ns > t.last_ns)
			t.last_ns = r[i]->last_ns;
	}
	for (id = 0; id < records; id++) {
		struct fate f = { 0 };

		for (i = 0; i < n; i++) {
			const struct results_entry *e = &r[i]->entry[id];

			f.plain += e->plain;
			f.flagged += e->flagged;
			f.acked += e->acked;
			f.acked_alive += killed(r[i]) ? 0 : e->acked;
			if (e->sum == w[id].sum)
				f.right += e->plain + e->flagged;
		}
		tally_record(&t, &w[id], &f, &again);
	}
	if (again > allowed)
		t.duplicated += again - allowed;
	return t;
}

static double seconds(const struct tally *t)
{
	return t->last_ns > t->first_ns ? (double)(t->last_ns - t->first_ns) / 1e9 : 1e-9;
}

static void rates(uint64_t messages, uint64_t bytes, double s)
{
	printf(" %11.0f %8.1f\n", (double)messages / s, (double)bytes / s / 1e6);
}

static void heading(const char *what)
{
	printf("\n%-18s %9s %9s %11s %5s %10s %11s %8s\n", what, "expected",
	       "delivered", "redelivered", "lost", "duplicated", "messages/s", "MB/s");
}

static void row(const char *name, const struct tally *t)
{
	printf("%-18s %9" PRIu64 " %9" PRIu64 " %11" PRIu64 " %5" PRIu64 " %10" PRIu64,
	       name, t->expected, t->delivered, t->redelivered, t->lost, t->duplicated);
}

static void consumer_line(const struct results *r)
{
	printf("  %-10s process %-7u %-8s %7" PRIu64 " messages, %" PRIu64
	       " redelivered%s\n", r->queue, r->pid, r->how,
	       (uint64_t)atomic_load(&r->messages), r->flagged,
	       killed(r) ? ", killed" : "");
}

static void add(struct tally *sum, const struct tally *t)
{
	sum->expected += t->expected;
	sum->delivered += t->delivered;
	sum->redelivered += t->redelivered;
	sum->lost += t->lost;
	sum->duplicated += t->duplicated;
	sum->wrong += t->wrong;
	sum->messages += t->messages;
	sum->bytes += t->bytes;
	if (t->first_ns && (!sum->first_ns || t->first_ns < sum->first_ns))
		sum->first_ns = t->first_ns;
	if (t->last_ns > sum->last_ns)
		sum->last_ns = t->last_ns;
}

/* The table of queues; consumers are listed below it. */
static void report_queues(FILE *queues, struct tally *sum)
{
	const struct results *all[64], *r[CONSUMERS_MAX];
	char line[1024], name[70], prefix[72];
	int consumers = 0, n, i;
	struct wanted *w;
	struct tally t;

	heading("queue");
	while (fgets(line, sizeof(line), queues)) {
		if (sscanf(line, "%63s", name) != 1 || *name == '#')
			continue;
		snprintf(prefix, sizeof(prefix), "%s.", name);
		w = read_wanted(name);
		n = read_results("results/", prefix, r);
		t = tally_queue(w, r, n);
		free(w);
		row(name, &t);
		rates(t.messages, t.bytes, seconds(&t));
		if (t.wrong)
			printf("  %" PRIu64 " wrong\n", t.wrong);
		add(sum, &t);
		for (i = 0; i < n && consumers < 64; i++)
			all[consumers++] = r[i];
	}
	row("sum", sum);
	rates(sum->messages, sum->bytes, seconds(sum));
	printf("\nconsumers\n");
	for (i = 0; i < consumers; i++)
		consumer_line(all[i]);
}

/* The same records from one process to another: all of them expected. */
static uint64_t report_carriers(void)
{
	const struct results *r[CONSUMERS_MAX];
	int n = read_results("carry/", "", r), i;
	struct wanted *w;
	uint64_t bad = 0;

	if (!n)
		return 0;
	w = read_wanted("all");
	heading("one to one");
	for (i = 0; i < n; i++) {
		struct tally t = tally_queue(w, &r[i], 1);

		row(r[i]->queue, &t);
		rates(t.messages, t.bytes, seconds(&t));
		if (t.wrong)
			printf("  %" PRIu64 " wrong\n", t.wrong);
		bad += t.lost + t.duplicated + t.wrong;
	}
	free(w);
	return bad;
}

int main(int argc, char **argv)
{
	uint64_t published, bytes, ns, bad;
	struct tally sum = { 0 };
	FILE *f, *queues;

	if (argc != 3)
		usage("QUEUES DIR");
	dir = argv[2];
	queues = fopen(argv[1], "r");
	if (!queues)
		die(argv[1], errno);
	records = read_number("records");
	f = open_in("", "published");
	if (fscanf(f, "%" SCNu64 " %" SCNu64 " %" SCNu64, &published, &bytes, &ns) != 3)
		die("published", EINVAL);
	fclose(f);
	report_queues(queues, &sum);
	fclose(queues);
	printf("publisher: %" PRIu64 " messages confirmed:", published);
	rates(published, bytes, (double)(ns ? ns : 1) / 1e9);
	bad = report_carriers();
	if (published != records)
		printf("\n%" PRIu64 " records were to be published\n", records);
	if (sum.wrong)
		printf("\n%" PRIu64 " messages were wrong\n", sum.wrong);
	printf("\ndemo: %" PRIu64 " published, %" PRIu64 " expected, %" PRIu64
	       " delivered, %" PRIu64 " redelivered, %" PRIu64 " lost, %" PRIu64
	       " duplicated\n", published, sum.expected, sum.delivered,
	       sum.redelivered, sum.lost, sum.duplicated);
	return sum.lost || sum.duplicated || sum.wrong || bad || published != records;
}
