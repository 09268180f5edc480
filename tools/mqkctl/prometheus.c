// SPDX-License-Identifier: GPL-2.0-only
#include "prometheus.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "resource.h"
#include "text.h"

#define NR(a)	(sizeof(a) / sizeof((a)[0]))

/* What is told of each queue. */
static const struct metric {
	const char *name;
	const char *help;
	size_t offset;
	bool is_u32;
	bool gauge;
} queue_metrics[] = {
#define METRIC(member, name, gauge, help)				\
	{ name, help, offsetof(struct mqk_queue_info, member),		\
	  sizeof(((struct mqk_queue_info *)0)->member) == 4, gauge }
	METRIC(ready, "ready", true, "Messages that are ready for delivery."),
	METRIC(unacked, "unacked", true,
	       "Messages that are delivered and not acknowledged."),
	METRIC(scheduled, "scheduled", true, "Messages with a delay that are not due."),
	METRIC(consumers, "consumers", true, "Consumers of the queue."),
	METRIC(bytes, "bytes", true,
	       "Data bytes of ready and unacknowledged messages."),
	METRIC(index_bytes, "index_bytes", true,
	       "Kernel memory of the index of the queue."),
	METRIC(published, "published_total", false,
	       "Messages that came into the queue."),
	METRIC(delivered, "delivered_total", false,
	       "Deliveries out of the queue."),
	METRIC(redelivered, "redelivered_total", false,
	       "Deliveries that were not the first of their message."),
	METRIC(acked, "acked_total", false,
	       "Messages that were acknowledged or settled."),
	METRIC(dropped, "dropped_total", false,
	       "Messages that were rejected, purged, or too many."),
	METRIC(repeated, "repeated_total", false,
	       "Messages that the queue had taken before."),
#undef METRIC
};

static void head(const char *kind, const char *name, const char *end,
		 const char *help, bool gauge)
{
	printf("# HELP mqk_%s%s%s %s\n# TYPE mqk_%s%s%s %s\n", kind, name, end,
	       help, kind, name, end, gauge ? "gauge" : "counter");
}

/* One character of a label, as the format wants it. */
static void put_label(const unsigned char *s, size_t n)
{
	if (*s == '\\' || *s == '"')
		printf("\\%c", *s);
	else if (*s == '\n')
		fputs("\\n", stdout);
	else if (n)
		fwrite(s, 1, n, stdout);
	else	/* in UTF-8, the character of the same number */
		printf("%c%c", 0xc0 | *s >> 6, 0x80 | (*s & 0x3f));
}

static void label(const char *name, const char *value)
{
	const unsigned char *s = (const unsigned char *)value;
	size_t len = strlen(value), n;
	uint32_t cp;

	printf("%s=\"", name);
	for (; len; s += n, len -= n) {
		n = utf8_next(s, len, &cp);
		put_label(s, n);
		n = n ? n : 1;
	}
	putchar('"');
	if (utf8_valid(value, strlen(value)))
		return;
	printf(",%s_base64=\"", name);
	base64_print(stdout, value, strlen(value));
	putchar('"');
}

static void broker_metrics(const char *broker, const struct mqk_stat *s,
			   const struct stat_counter *counters, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		const struct stat_counter *c = &counters[i];
		const char *end = c->gauge ? "" : "_total";
		uint64_t value = *(const __u64 *)(const void *)
				 ((const char *)s + c->offset);

		head("", c->name, end, c->help, c->gauge);
		printf("mqk_%s%s{", c->name, end);
		label("broker", broker);
		printf("} %" PRIu64 "\n", value);
	}
}

static void resource_metrics(const char *broker, const char *name,
			     const char *help, const __u64 *values)
{
	unsigned int i;

	head("resource_", name, "", help, true);
	for (i = 0; i < MQK_RES_NR; i++) {
		printf("mqk_resource_%s{", name);
		label("broker", broker);
		printf(",resource=\"%s\"} ", resource_names[i]);
		if (values[i] >= INT64_MAX)	/* none */
			puts("+Inf");
		else
			printf("%" PRIu64 "\n", (uint64_t)values[i]);
	}
}

static uint64_t queue_value(const struct mqk_queue_info *q,
			    const struct metric *m)
{
	const char *at = (const char *)q + m->offset;
	uint32_t v32;
	uint64_t v;

	if (!m->is_u32) {
		memcpy(&v, at, sizeof(v));
		return v;
	}
	memcpy(&v32, at, sizeof(v32));
	return v32;
}

static void queues(const char *broker, const struct sample *s)
{
	size_t i, k;

	for (i = 0; i < NR(queue_metrics); i++) {
		const struct metric *m = &queue_metrics[i];

		head("queue_", m->name, "", m->help, m->gauge);
		for (k = 0; k < s->n; k++) {
			const struct mqk_queue_info *q = &s->queues[k].q;

			printf("mqk_queue_%s{", m->name);
			label("broker", broker);
			putchar(',');
			label("queue", q->name);
			printf("} %" PRIu64 "\n", queue_value(q, m));
		}
	}
}

static int exchanges(struct mqk *m, const char *broker)
{
	struct mqk_exchange_info x = { .sz = sizeof(x) };
	int ret;

	head("exchange_", "bindings", "", "Bindings from the exchange.", true);
	while ((ret = mqk_exchange_next(m, &x)) > 0) {
		fputs("mqk_exchange_bindings{", stdout);
		label("broker", broker);
		putchar(',');
		label("exchange", x.name);
		printf("} %" PRIu64 "\n", x.bindings);
	}
	return ret;
}

int prometheus_print(struct mqk *m, const char *broker,
		     const struct stat_counter *counters, size_t n)
{
	struct mqk_query q = { .size = sizeof(q) };
	struct sample s = { .n = 0 };
	int err;

	err = sample_take(&s, m);
	if (!err)
		err = mqk_query(m, &q);
	if (err < 0)
		goto out;
	broker_metrics(broker, &s.stat, counters, n);
	resource_metrics(broker, "used", "What is in use of a resource.",
			 q.broker_used);
	resource_metrics(broker, "limit", "Most that the broker may use.",
			 q.broker_limit);
	queues(broker, &s);
	err = exchanges(m, broker);
out:
	sample_free(&s);
	return err < 0 ? err : 0;
}
