// SPDX-License-Identifier: GPL-2.0-only
/*
 * stat: counters, limits and features of a broker.
 */
#include <inttypes.h>
#include <stdio.h>

#include "args.h"
#include "commands.h"
#include "prometheus.h"
#include "resource.h"
#include "table.h"

static const struct stat_counter counters[] = {
#define COUNTER(name, help) \
	{ #name, offsetof(struct mqk_stat, name), help, false }
#define GAUGE(name, help) \
	{ #name, offsetof(struct mqk_stat, name), help, true }
	COUNTER(published, "messages that were published"),
	COUNTER(published_bytes, "bytes of their data"),
	COUNTER(routed, "places in queues that they took"),
	COUNTER(unrouted, "messages that reached no queue"),
	COUNTER(returned, "those of them that were mandatory"),
	COUNTER(refused, "messages that were refused"),
	COUNTER(delivered, "deliveries to consumers"),
	COUNTER(acked, "messages that were acknowledged or settled"),
	COUNTER(requeued, "messages that went back to their queue"),
	COUNTER(dropped, "messages that were rejected or purged"),
	COUNTER(route_misses, "routes that were not remembered"),
	COUNTER(broken, "rings that their users have broken"),
	GAUGE(segments, "segments in use"),
	GAUGE(segments_free, "segments kept for reuse"),
	COUNTER(compactions, "times that sparse segments were compacted"),
	COUNTER(compacted, "messages that this moved"),
	COUNTER(compacted_bytes, "bytes of their records"),
	COUNTER(dead_letters, "dead letters that came to a queue"),
	COUNTER(dead_lost, "dead letters that came to none"),
	COUNTER(events, "events"),
	COUNTER(events_lost, "events that were lost"),
	COUNTER(traces, "messages that were traced"),
	COUNTER(traces_lost, "messages whose trace was lost"),
	GAUGE(held_queue, "ports that a full queue holds back"),
	GAUGE(held_limit, "ports that a limit holds back"),
#undef COUNTER
#undef GAUGE
};

static const struct {
	uint64_t feature;
	const char *name;
} features[] = {
	{ MQK_FEATURE_INPLACE, "inplace" },
	{ MQK_FEATURE_COPY, "copy" },
	{ MQK_FEATURE_JUMBO, "jumbo" },
	{ MQK_FEATURE_BROWSE, "browse" },
	{ MQK_FEATURE_LIST, "list" },
	{ MQK_FEATURE_EXCHANGES, "exchanges" },
	{ MQK_FEATURE_CC, "cc" },
	{ MQK_FEATURE_HASH, "hash" },
	{ MQK_FEATURE_QUEUE_SET, "queue-set" },
	{ MQK_FEATURE_REPLY, "reply" },
	{ MQK_FEATURE_WILL, "will" },
	{ MQK_FEATURE_LAST_VALUE, "last-value" },
	{ MQK_FEATURE_DEDUP, "dedup" },
	{ MQK_FEATURE_EVENTS, "events" },
	{ MQK_FEATURE_TRACE, "trace" },
	{ MQK_FEATURE_WILL_DELAY, "will-delay" },
	{ MQK_FEATURE_CONSUMER_ARGS, "consumer-args" },
	{ MQK_FEATURE_PRIORITY, "priority" },
	{ MQK_FEATURE_DELAY, "delay" },
	{ MQK_FEATURE_LEVELS, "levels" },
	{ MQK_FEATURE_GROUPS, "groups" },
	{ MQK_FEATURE_DEAD_LETTER, "dead-letter" },
	{ MQK_FEATURE_REDRIVE, "redrive" },
	{ MQK_FEATURE_PRODUCER, "producer" },
	{ MQK_FEATURE_BLOCK, "block" },
	{ MQK_FEATURE_DURABLE, "durable" },
	{ MQK_FEATURE_TX, "tx" },
};

#define NR(a)	(sizeof(a) / sizeof((a)[0]))

static uint64_t counter(const struct mqk_stat *s, size_t i)
{
	return *(const __u64 *)(const void *)((const char *)s +
						 counters[i].offset);
}

/* The kernel's numbers and the library's are of different types to C. */
static void query_resources(struct json *j, const char *name,
			    const __u64 *used, const __u64 *limit)
{
	uint64_t u[MQK_RES_NR], l[MQK_RES_NR];
	size_t i;

	for (i = 0; i < MQK_RES_NR; i++) {
		u[i] = used[i];
		l[i] = limit[i];
	}
	resources_json(j, name, u, l);
}

static void stat_json(struct ctl *ctl, const struct mqk_stat *s,
		      const struct mqk_query *q)
{
	struct json j;
	size_t i;

	json_begin(&j, stdout);
	json_string(&j, "broker", ctl_broker(ctl));
	for (i = 0; i < NR(counters); i++)
		json_u64(&j, counters[i].name, counter(s, i));
	json_u64(&j, "segment_size", q->segment_size);
	json_u64(&j, "message_max", q->message_max);
	json_u64(&j, "targets_max", q->targets_max);
	json_u64(&j, "prefetch_max", q->prefetch_max);
	json_u64(&j, "publish_max", q->publish_max);
	json_u64(&j, "ring_max", q->ring_max);
	json_u64(&j, "abi", q->abi);
	json_open(&j, "features", '[');
	for (i = 0; i < NR(features); i++)
		if (q->features & features[i].feature)
			json_string(&j, NULL, features[i].name);
	json_close(&j, ']');
	query_resources(&j, "resources", q->broker_used, q->broker_limit);
	query_resources(&j, "user", q->user_used, q->user_limit);
	json_end(&j);
}

static bool stat_counters(const struct mqk_stat *s, const struct mqk_query *q)
{
	static const char *const titles[] = { "COUNTER", ">VALUE", "MEANING" };
	static const char *const max_titles[] = { "MAXIMUM", ">VALUE" };
	struct table t;
	size_t i;

	table_init(&t, titles, NR(titles));
	for (i = 0; i < NR(counters); i++) {
		table_text(&t, "%s", counters[i].name);
		table_u64(&t, counter(s, i));
		table_text(&t, "%s", counters[i].help);
	}
	if (!table_print(&t, stdout, 0))
		return false;
	putchar('\n');
	table_init(&t, max_titles, NR(max_titles));
	table_text(&t, "segment_size");
	table_u64(&t, q->segment_size);
	table_text(&t, "message_max");
	table_u64(&t, q->message_max);
	table_text(&t, "targets_max");
	table_u64(&t, q->targets_max);
	table_text(&t, "prefetch_max");
	table_u64(&t, q->prefetch_max);
	return table_print(&t, stdout, 0);
}

static bool stat_resources(const struct mqk_query *q)
{
	static const char *const titles[] = {
		"RESOURCE", ">BROKER", ">LIMIT", ">USER", ">LIMIT",
	};
	struct table t;
	size_t i;

	table_init(&t, titles, NR(titles));
	for (i = 0; i < MQK_RES_NR; i++) {
		table_text(&t, "%s", resource_names[i]);
		table_u64(&t, q->broker_used[i]);
		resource_cell(&t, q->broker_limit[i]);
		table_u64(&t, q->user_used[i]);
		resource_cell(&t, q->user_limit[i]);
	}
	return table_print(&t, stdout, 0);
}

int stat_print(struct ctl *ctl, const struct args *args)
{
	struct subject subject = { .doing = "stat" };
	struct mqk_query q = { .size = sizeof(q) };
	struct mqk_stat s = { .size = sizeof(s) };
	struct mqk *m;
	int err;

	if (args_has(args, OPT_PROMETHEUS) && ctl->json)
		return bad_usage(ctl, "--prometheus and -j exclude each other");
	m = ctl_session(ctl, ACCESS_ANY);
	if (!m)
		return REFUSED;
	if (args_has(args, OPT_PROMETHEUS)) {
		err = prometheus_print(m, ctl_broker(ctl), counters,
				       NR(counters));
		return err ? refused(ctl, m, err, &subject) : DONE;
	}
	err = mqk_stat(m, &s);
	if (err >= 0)
		err = mqk_query(m, &q);
	if (err < 0)
		return refused(ctl, m, err, &subject);
	if (ctl->json) {
		stat_json(ctl, &s, &q);
		return DONE;
	}
	if (!stat_counters(&s, &q))
		return out_of_memory(ctl);
	putchar('\n');
	return stat_resources(&q) ? DONE : out_of_memory(ctl);
}
