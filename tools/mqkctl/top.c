// SPDX-License-Identifier: GPL-2.0-only
/*
 * top: the queues at work, again and again.
 *
 * On a terminal a page that is drawn anew, until q; elsewhere, and with --batch,
 * one table behind the other, as many as --iterations says.  Without it that is
 * one, with --batch until a signal.
 */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "args.h"
#include "commands.h"
#include "number.h"
#include "json.h"
#include "sample.h"
#include "table.h"

#define HEAD_LINES	4	/* of a page, above the queues */

static volatile sig_atomic_t stopped;

/**
 * struct screen - the terminal that is drawn on
 * @page: it is one
 * @keys: keys are read, and @saved must be restored
 * @saved: how its input was
 * @rows: its size, 0: unlimited
 * @columns: its size, 0: unlimited
 */
struct screen {
	bool page;
	bool keys;
	struct termios saved;
	size_t rows;
	size_t columns;
};

static void on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

static void screen_open(struct screen *s, bool plain)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct termios raw;

	memset(s, 0, sizeof(*s));
	s->page = !plain && isatty(STDOUT_FILENO);
	stopped = 0;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	if (!s->page || tcgetattr(STDIN_FILENO, &s->saved))
		return;
	raw = s->saved;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	/* Not in the background: that would stop us. */
	if (tcgetpgrp(STDIN_FILENO) != getpgrp())
		return;
	s->keys = !tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

static void screen_close(struct screen *s)
{
	if (s->keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &s->saved);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
}

static void screen_clear(struct screen *s)
{
	struct winsize w;

	if (!s->page)
		return;
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &w)) {
		s->rows = w.ws_row;
		s->columns = w.ws_col;
	}
	fputs("\033[H\033[J", stdout);
}

/* Sleep; whether to go on. */
static bool screen_wait(struct screen *s, double seconds)
{
	struct pollfd keyboard = { .fd = s->keys ? STDIN_FILENO : -1,
				   .events = POLLIN };
	struct timespec ts = {
		.tv_sec = (time_t)seconds,
		.tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9),
	};
	char key;

	if (stopped || ppoll(&keyboard, 1, &ts, NULL) < 0 || stopped)
		return !stopped;
	if (!keyboard.revents)
		return true;
	return read(STDIN_FILENO, &key, 1) == 1 && key != 'q' && key != 'Q';
}

static void rate_cell(struct table *t, const struct queue_rates *r, double rate)
{
	if (r->known)
		table_text(t, "%.0f", rate);
	else
		table_text(t, "-");
}

static void rate_json(struct json *j, const char *name,
		      const struct queue_rates *r, double rate)
{
	if (r->known)
		json_double(j, name, rate, 9);
	else
		json_null(j, name);
}

static void print_json(const struct sample *s)
{
	struct json j;
	size_t i;

	for (i = 0; i < s->n; i++) {
		const struct queue_rates *r = &s->queues[i];

		json_begin(&j, stdout);
		json_string(&j, "name", r->q.name);
		json_u64(&j, "ready", r->q.ready);
		json_u64(&j, "unacked", r->q.unacked);
		json_u64(&j, "scheduled", r->q.scheduled);
		json_u64(&j, "consumers", r->q.consumers);
		json_u64(&j, "bytes", r->q.bytes);
		rate_json(&j, "published_per_s", r, r->published);
		rate_json(&j, "delivered_per_s", r, r->delivered);
		rate_json(&j, "acked_per_s", r, r->acked);
		json_end(&j);
	}
}

static bool print_table(const struct sample *s, const struct screen *screen)
{
	static const char *const titles[] = {
		">READY", ">UNACKED", ">SCHEDULED", ">CONSUMERS", ">BYTES", ">PUBLISHED/s",
		">DELIVERED/s", ">ACKED/s", "QUEUE",
	};
	size_t rows = screen->rows > HEAD_LINES ? screen->rows - HEAD_LINES :
						  SIZE_MAX;
	struct table t;
	size_t i;

	table_init(&t, titles, sizeof(titles) / sizeof(titles[0]));
	for (i = 0; i < s->n && i < rows; i++) {
		const struct queue_rates *r = &s->queues[i];

		table_u64(&t, r->q.ready);
		table_u64(&t, r->q.unacked);
		table_u64(&t, r->q.scheduled);
		table_u64(&t, r->q.consumers);
		table_u64(&t, r->q.bytes);
		rate_cell(&t, r, r->published);
		rate_cell(&t, r, r->delivered);
		rate_cell(&t, r, r->acked);
		table_name(&t, r->q.name);
	}
	return table_print(&t, stdout, screen->columns);
}

static void print_head(struct ctl *ctl, const struct sample *s,
		       const struct sample *before)
{
	double seconds = s->time - before->time;
	uint64_t published = s->stat.published - before->stat.published;
	uint64_t delivered = s->stat.delivered - before->stat.delivered;

	printf("broker %s: %zu queues", ctl_broker(ctl), s->n);
	if (before->time > 0 && seconds > 0)
		printf(", %.0f messages published and %.0f delivered a second",
		       (double)published / seconds,
		       (double)delivered / seconds);
	printf("\nsince it was made: %" PRIu64 " published, %" PRIu64 " delivered, %" PRIu64 " acknowledged\n\n",
	       (uint64_t)s->stat.published, (uint64_t)s->stat.delivered,
	       (uint64_t)s->stat.acked);
}

/* One look; rates are taken against the one before. */
static int look(struct ctl *ctl, struct mqk *m, struct screen *screen,
		struct sample *s, struct sample *before)
{
	struct subject subject = { .doing = "list of queues" };
	int err = sample_take(s, m);

	if (err)
		return refused(ctl, m, err, &subject);
	sample_rates(s, before);
	sample_sort(s);
	screen_clear(screen);
	if (!ctl->json)
		print_head(ctl, s, before);
	if (ctl->json)
		print_json(s);
	else if (!print_table(s, screen))
		return out_of_memory(ctl);
	fflush(stdout);
	return DONE;
}

static void swap(struct sample *a, struct sample *b)
{
	struct sample c = *a;

	*a = *b;
	*b = c;
}

int top(struct ctl *ctl, const struct args *args)
{
	struct sample s = { .n = 0 }, before = { .n = 0 };
	const char *interval = args_value(args, OPT_INTERVAL);
	bool batch = args_has(args, OPT_BATCH);
	uint64_t iterations = batch || isatty(STDOUT_FILENO) ? UINT64_MAX : 1;
	struct screen screen;
	double seconds = 1;
	struct mqk *m;
	int status;

	status = args_count(ctl, args, OPT_ITERATIONS, 1, UINT64_MAX,
			    &iterations);
	if (!status && interval && !number_seconds(interval, &seconds))
		status = bad_usage(ctl, "--interval %s: give a number of seconds, such as 0.5",
				   interval);
	if (status)
		return status;
	m = ctl_session(ctl, ACCESS_ANY);
	if (!m)
		return REFUSED;
	screen_open(&screen, ctl->json || batch);
	for (;;) {
		status = look(ctl, m, &screen, &s, &before);
		if (status || !--iterations || ferror(stdout) ||
		    !screen_wait(&screen, seconds))
			break;
		swap(&s, &before);
		if (!ctl->json && !screen.page)
			putchar('\n');
	}
	screen_close(&screen);
	sample_free(&s);
	sample_free(&before);
	return status;
}
