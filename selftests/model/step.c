// SPDX-License-Identifier: GPL-2.0-only
#include "step.h"

#include <stdio.h>

#include "exchange.h"

static const struct {
	const char *name;
	unsigned int numbers;
} operation[NR_OPERATIONS] = {
	[DECLARE_QUEUE] = { "declare-queue", 3 },
	[DELETE_QUEUE] = { "delete-queue", 2 },
	[PURGE] = { "purge", 2 },
	[PAUSE] = { "pause", 2 },
	[REDRIVE] = { "redrive", 2 },
	[DECLARE_EXCHANGE] = { "declare-exchange", 2 },
	[BIND] = { "bind", 4 },
	[BIND_EXCHANGE] = { "bind-exchange", 4 },
	[UNBIND] = { "unbind", 4 },
	[OPEN_SESSION] = { "open-session", 0 },
	[CLOSE_SESSION] = { "close-session", 2 },
	[OPEN_PORT] = { "open-port", 1 },
	[PUBLISH] = { "publish", 4 },
	[CONSUME] = { "consume", 4 },
	[CANCEL] = { "cancel", 1 },
	[CLOSE_CONSUMER] = { "close-consumer", 1 },
	[PULL] = { "pull", 1 },
	[GET] = { "get", 2 },
	[SETTLE_ACK] = { "ack", 3 },
	[SETTLE_NACK] = { "nack", 4 },
	[SETTLE_REJECT] = { "reject", 4 },
	[TX] = { "tx", 1 },
	[COMMIT] = { "commit", 1 },
	[ROLLBACK] = { "rollback", 1 },
	[ADVANCE] = { "advance", 1 },
	[CHANGE] = { "change", 2 },
	[CANCEL_SCHEDULED] = { "cancel-scheduled", 2 },
	[OPEN_PRODUCER] = { "open-producer", 2 },
	[PUBLISH_NUMBERED] = { "publish-numbered", 4 },
	[WILL] = { "will", 4 },
};

void step_print(struct text *t, const struct step *s)
{
	unsigned int i;

	text_add(t, "%s", operation[s->op].name);
	for (i = 0; i < operation[s->op].numbers; i++)
		text_add(t, " %u", s->n[i]);
}

void queue_name(unsigned int n, char *name)
{
	sprintf(name, "q%u", n);
}

void exchange_name(unsigned int n, char *name)
{
	if (n)
		sprintf(name, "x%u", n);
	else
		*name = '\0';
}

const char *key_name(unsigned int n)
{
	static const char * const key[NR_KEYS] = { "q0", "q1", "q2", "q3", "#", "*", "1", "3" };

	return key[n % NR_KEYS];
}

const char *id_name(unsigned int n)
{
	static const char * const id[NR_IDS] = { "i", "another one" };

	return id[n % NR_IDS];
}

struct queue_profile queue_profile(unsigned int n)
{
	struct queue_profile p = {};

	switch (n % NR_QUEUE_PROFILES) {
	case 0:
		break;
	case 1:
		table_set_number(&p.args, "x-message-ttl", 'l', 3 * TICK_MS);
		table_set_text(&p.args, "x-dead-letter-exchange", "");
		table_set_text(&p.args, "x-dead-letter-routing-key", "q0");
		break;
	case 2:
		table_set_number(&p.args, "x-max-priority", 'l', 5);
		break;
	case 3:
		table_set_number(&p.args, "x-max-length", 'l', 2);
		table_set_text(&p.args, "x-dead-letter-exchange", "x1");
		break;
	case 4:
		table_set_number(&p.args, "x-max-length", 'l', 2);
		table_set_text(&p.args, "x-overflow", "reject-publish");
		break;
	case 5:
		table_set_number(&p.args, "x-delivery-limit", 'l', 1);
		table_set_text(&p.args, "x-dead-letter-exchange", "");
		break;
	case 6:
		table_set_number(&p.args, "x-single-active-consumer", 't', 1);
		break;
	case 7:
		table_set_number(&p.args, "x-mqk-levels", 'l', 2);
		table_set_number(&p.args, "x-mqk-demote-after", 'l', 2);
		table_set_text(&p.args, "x-dead-letter-exchange", "");
		table_set_text(&p.args, "x-dead-letter-routing-key", "q3");
		break;
	case 8:
		table_set_number(&p.args, "x-mqk-groups", 't', 1);
		break;
	case 9:
		table_set_number(&p.args, "x-mqk-retry-delay", 'l', 2 * TICK_MS);
		table_set_text(&p.args, "x-mqk-retry-backoff", "exponential");
		table_set_number(&p.args, "x-consumer-timeout", 'l', 9 * TICK_MS);
		break;
	case 10:
		table_set_number(&p.args, "x-expires", 'l', 12 * TICK_MS);
		p.flags = F_AUTO_DELETE;
		break;
	case 11:
		table_set_number(&p.args, "x-max-length", 'l', 1);
		table_set_text(&p.args, "x-overflow", "block");
		table_set_number(&p.args, "x-mqk-block-timeout", 'l', 7 * TICK_MS);
		break;
	case 12:
		p.flags = F_AUTO_DELETE;
		break;
	case 13:
		p.flags = F_EXCLUSIVE;
		break;
	case 14:
		table_set_number(&p.args, "x-message-ttl", 'l', 3 * TICK_MS);
		break;
	case 15:
		table_set_number(&p.args, "x-delivery-limit", 'l', 1);
		break;
	case 16:
		table_set_number(&p.args, "x-max-length", 'l', 2);
		table_set_number(&p.args, "x-message-ttl", 'l', 5 * TICK_MS);
		break;
	case 17:
		table_set_number(&p.args, "x-consumer-timeout", 'l', 2 * TICK_MS);
		table_set_number(&p.args, "x-mqk-retry-delay", 'l', 1 * TICK_MS);
		table_set_number(&p.args, "x-mqk-retry-max", 'l', 3 * TICK_MS);
		table_set_number(&p.args, "x-delivery-limit", 'l', 5);
		break;
	case 19:
		table_set_number(&p.args, "x-mqk-levels", 'l', 3);
		table_set_number(&p.args, "x-mqk-demote-after", 'l', 1);
		break;
	case 20:
		table_set_number(&p.args, "x-mqk-levels", 'l', 2);
		table_set_number(&p.args, "x-mqk-demote-after", 'l', 2);
		table_set_number(&p.args, "x-max-length", 'l', 4);
		table_set_number(&p.args, "x-mqk-retry-delay", 'l', 1 * TICK_MS);
		break;
	case 18:
		table_set_number(&p.args, "x-max-priority", 'l', 2);
		table_set_number(&p.args, "x-max-length", 'l', 3);
		table_set_number(&p.args, "x-message-ttl", 'l', 4 * TICK_MS);
		table_set_number(&p.args, "x-mqk-retry-delay", 'l', 1 * TICK_MS);
		break;
	case 21:
		table_set_number(&p.args, "x-max-length", 'l', 1);
		table_set_text(&p.args, "x-overflow", "reject-publish-dlx");
		table_set_text(&p.args, "x-dead-letter-exchange", "x1");
		break;
	case 22:
		table_set_number(&p.args, "x-message-ttl", 'l', 2 * TICK_MS);
		table_set_text(&p.args, "x-dead-letter-exchange", "");
		table_set_text(&p.args, "x-dead-letter-routing-key", "q1");
		break;
	case 26:
		table_set_number(&p.args, "x-mqk-groups", 't', 1);
		table_set_number(&p.args, "x-message-ttl", 'l', 3 * TICK_MS);
		table_set_number(&p.args, "x-mqk-retry-delay", 'l', 1 * TICK_MS);
		break;
	case 27:
		table_set_number(&p.args, "x-mqk-groups", 't', 1);
		table_set_number(&p.args, "x-mqk-retry-delay", 'l', 2 * TICK_MS);
		table_set_number(&p.args, "x-delivery-limit", 'l', 2);
		table_set_text(&p.args, "x-dead-letter-exchange", "");
		table_set_text(&p.args, "x-dead-letter-routing-key", "q2");
		break;
	case 28:
		table_set_number(&p.args, "x-mqk-groups", 't', 1);
		table_set_number(&p.args, "x-max-length", 'l', 1);
		table_set_text(&p.args, "x-overflow", "reject-publish");
		table_set_number(&p.args, "x-consumer-timeout", 'l', 3 * TICK_MS);
		break;
	case 29:
		table_set_number(&p.args, "x-mqk-groups", 't', 1);
		table_set_number(&p.args, "x-single-active-consumer", 't', 1);
		break;
	case 23:
		table_set_number(&p.args, "x-mqk-retry-delay", 'l', 1 * TICK_MS);
		table_set_number(&p.args, "x-delivery-limit", 'l', 0);
		table_set_text(&p.args, "x-dead-letter-exchange", "x2");
		break;
	case 24:
		table_set_number(&p.args, "x-mqk-dedup-window", 'l', 3 * TICK_MS);
		table_set_text(&p.args, "x-dead-letter-exchange", "");
		table_set_text(&p.args, "x-dead-letter-routing-key", "q2");
		break;
	case 25:
		table_set_number(&p.args, "x-mqk-dedup-window", 'l', 8 * TICK_MS);
		table_set_number(&p.args, "x-max-length", 'l', 2);
		table_set_text(&p.args, "x-overflow", "block");
		table_set_number(&p.args, "x-mqk-block-timeout", 'l', 4 * TICK_MS);
		break;
	}
	return p;
}

struct table queue_change_args(unsigned int n)
{
	struct table args = {};

	switch (n % NR_CHANGES) {
	case 0:
		table_set_number(&args, "x-max-length", 'b', 1);
		break;
	case 1:
		table_set_number(&args, "x-max-length", 'l', INT64_MAX);
		break;
	case 2:
		table_set_number(&args, "x-max-length-bytes", 'I', 3 * 64);
		break;
	case 3:
		table_set_text(&args, "x-overflow", "drop-head");
		break;
	case 4:
		table_set_text(&args, "x-overflow", "reject-publish");
		break;
	case 5:
		table_set_text(&args, "x-overflow", "drop-head");
		table_set_number(&args, "x-max-length", 's', 0);
		table_set_number(&args, "x-max-length-bytes", 'l', INT64_MAX);
		break;
	case 6:
		table_set_number(&args, "x-max-length", 'l', 3);
		table_set_text(&args, "x-overflow", "reject");
		break;
	case 7:
		table_set_number(&args, "x-max-length", 'l', 1);
		table_set_number(&args, "x-single-active-consumer", 't', 1);
		break;
	case 8:
		table_set_number(&args, "x-message-ttl", 'l', 4 * TICK_MS);
		break;
	case 9:
		table_set_number(&args, "x-delivery-limit", 'l', 1);
		table_set_number(&args, "x-mqk-retry-delay", 'l', 1 * TICK_MS);
		break;
	case 10:
		table_set_number(&args, "x-consumer-timeout", 'l', 3 * TICK_MS);
		break;
	case 11:
		table_set_number(&args, "x-expires", 'l', 20 * TICK_MS);
		break;
	case 12:
		table_set(&args, "x-message-ttl", &(struct value){ .type = 'V' });
		table_set(&args, "x-expires", &(struct value){ .type = 'V' });
		table_set(&args, "x-consumer-timeout", &(struct value){ .type = 'V' });
		break;
	case 13:
		table_set(&args, "x-delivery-limit", &(struct value){ .type = 'V' });
		table_set(&args, "x-mqk-retry-delay", &(struct value){ .type = 'V' });
		break;
	case 14:
		table_set(&args, "x-max-length", &(struct value){ .type = 'V' });
		table_set(&args, "x-overflow", &(struct value){ .type = 'V' });
		break;
	case 15:
		table_set_text(&args, "x-dead-letter-exchange", "");
		table_set_number(&args, "x-max-length", 'l', 2);
		break;
	case 16:
		table_set_text(&args, "x-dead-letter-routing-key", "q2");
		table_set_text(&args, "x-overflow", "reject-publish-dlx");
		break;
	case 17:
		table_set_number(&args, "x-mqk-dedup-window", 'I', 5 * TICK_MS);
		break;
	case 18:
		table_set(&args, "x-mqk-dedup-window", &(struct value){ .type = 'V' });
		break;
	}
	return args;
}

struct exchange_profile exchange_profile(unsigned int n)
{
	struct exchange_profile p = {};

	switch (n % NR_EXCHANGE_PROFILES) {
	case 0:
		p.type = "direct";
		break;
	case 1:
		p.type = "fanout";
		break;
	case 2:
		p.type = "topic";
		break;
	case 3:
		p.type = "direct";
		table_set_text(&p.args, "alternate-exchange", "x1");
		break;
	case 4:
		p.type = "x-last-value";
		break;
	case 5:
		p.type = "headers";
		break;
	case 6:
		p.type = "x-consistent-hash";
		break;
	case 7:
		p.type = "x-consistent-hash";
		table_set_text(&p.args, "hash-header", "CC");
		break;
	}
	return p;
}

struct message_kind message_kind(unsigned int n)
{
	static const struct message_kind kind[NR_MESSAGE_KINDS] = {
		{ -1, -1, 0, false, "", NULL, NULL, NULL },
		{ 3, -1, 0, false, "", NULL, NULL, NULL },
		{ 9, -1, 0, false, "a", NULL, NULL, NULL },
		{ -1, 2 * TICK_MS, 0, false, "", NULL, NULL, NULL },
		{ -1, -1, 0, true, "", NULL, NULL, NULL },
		{ -1, -1, 4 * TICK_MS, false, "", NULL, NULL, NULL },
		{ -1, 0, 0, false, "", NULL, NULL, NULL },
		{ 1, -1, 0, false, "b", NULL, NULL, NULL },
		{ -1, -1, 0, false, "", "q1", NULL, NULL },
		{ -1, -1, 0, true, "", NULL, "q2", NULL },
		{ -1, -1, 0, false, "", "q0", "q3", NULL },
		{ 2, 3 * TICK_MS, 2 * TICK_MS, false, "a", NULL, NULL, "i" },
		{ -1, -1, 5 * TICK_MS, true, "", NULL, NULL, "another one" },
		{ 4, 0, 1 * TICK_MS, false, "b", "q2", NULL, "i" },
		{ -1, -1, 0, false, "", NULL, NULL, "i" },
		{ -1, -1, 0, true, "", NULL, NULL, "another one" },
		{ 3, 4 * TICK_MS, 0, false, "", "q1", "q2", "i" },
		{ -1, -1, 0, false, "a", NULL, NULL, NULL },
		{ -1, -1, 0, false, "b", NULL, NULL, NULL },
		{ -1, 3 * TICK_MS, 0, false, "a", "q3", NULL, NULL },
	};

	return kind[n % NR_MESSAGE_KINDS];
}

bool will_kind(unsigned int n, unsigned int *kind, unsigned int *delay_ms)
{
	*kind = n % NR_MESSAGE_KINDS;
	*delay_ms = n / NR_MESSAGE_KINDS ? WILL_DELAY_MS : 0;
	return n < NR_WILLS - 1;
}
