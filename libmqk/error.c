// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Refusals, and how to tell people of them.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "session.h"

/* What is counted, in the plural, and how to have less or more of it. */
static const struct {
	const char *name;
	const char *cure;
} resources[MQK_RES_NR] = {
	[MQK_RES_SESSIONS]  = { "sessions", "close sessions" },
	[MQK_RES_PORTS]     = { "ports", "close ports" },
	[MQK_RES_CONSUMERS] = { "consumers", "close consumers" },
	[MQK_RES_EXCHANGES] = { "exchanges", "delete exchanges" },
	[MQK_RES_QUEUES]    = { "queues", "delete queues" },
	[MQK_RES_BINDINGS]  = { "bindings", "remove bindings" },
	[MQK_RES_MESSAGES]  = { "messages in queues", "consume messages" },
	[MQK_RES_BYTES]     = { "bytes of messages", "consume messages" },
	[MQK_RES_MAPPED]    = { "bytes of rings", "close ports and consumers" },
};

static const struct {
	const char *what;
	const char *cure;
} rules[MQK_RULE_NR] = {
	[MQK_RULE_PERMISSION] = {
		"the mode of the object or of the broker's node does not permit it",
		"ask its owner for permission, or open the node for the access needed",
	},
	[MQK_RULE_RESERVED_NAME] = {
		"the name is reserved: names that begin with \"amq.\" and the default exchange are the broker's",
		"choose another name",
	},
	[MQK_RULE_INEQUIVALENT] = {
		"there is one of that name with other properties",
		"declare it with the same type, flags and arguments, or delete it first",
	},
	[MQK_RULE_NO_EXCHANGE] = {
		"there is no such exchange",
		"declare it first",
	},
	[MQK_RULE_NO_QUEUE] = {
		"there is no such queue",
		"declare it first",
	},
	[MQK_RULE_LOCKED] = {
		"the queue is exclusive to another session",
		"use it from the session that declared it",
	},
	[MQK_RULE_IN_USE] = {
		"it is in use: it has sessions, consumers, bindings or messages",
		"release it from those first, or leave the condition out",
	},
	[MQK_RULE_BAD_NAME] = {
		"the name is not valid",
		"use 1 to 255 bytes without a zero byte for an exchange or a queue, 1 to 63 letters, digits, '-', '_' and '.' for a broker",
	},
	[MQK_RULE_BAD_TYPE] = {
		"there is no such exchange type",
		"use direct, fanout, topic or headers",
	},
	[MQK_RULE_BAD_PATTERN] = {
		"the topic pattern is not valid",
		"use at most 128 words and as few '#' words as the broker allows",
	},
	[MQK_RULE_BAD_ARGUMENT] = {
		"an argument is unknown or has a bad value",
		"leave it out or correct it",
	},
	[MQK_RULE_TOO_LARGE] = {
		"the message is larger than the broker takes",
		"send less than message_max (MQK_IOC_QUERY) in one message",
	},
	[MQK_RULE_TARGETS] = {
		"the message would reach, or be compared with, more than one message may",
		"bind fewer queues to that key or those headers (targets_max of MQK_IOC_QUERY)",
	},
	[MQK_RULE_HOPS] = {
		"the message would go through more exchanges than one message may",
		"bind fewer exchanges to each other: at most 64 on the way of a message",
	},
	[MQK_RULE_UNKNOWN_TAG] = {
		"the delivery tag is not outstanding",
		"acknowledge each delivery once, on the consumer it came from",
	},
	[MQK_RULE_BROKEN] = {
		"the ring was broken before by what its user wrote",
		"close it and open another",
	},
	[MQK_RULE_EXISTS] = {
		"there is a broker of that name",
		"use it, delete it first, or choose another name",
	},
	[MQK_RULE_NO_BROKER] = {
		"there is no such broker",
		"make it first",
	},
	[MQK_RULE_BROKERS] = {
		"there are as many brokers as there can be",
		"delete one",
	},
	[MQK_RULE_FENCED] = {
		"another port publishes for the same producer by now",
		"close this port; the other one goes on",
	},
	[MQK_RULE_GAP] = {
		"the message leaves a gap in its producer's numbers",
		"send those in front of it first",
	},
	[MQK_RULE_PRODUCERS] = {
		"there are as many names of producers as one user may have",
		"forget one (MQK_ID_F_FORGET)",
	},
	[MQK_RULE_HELD] = {
		"a queue is full, and the message waits for room",
		"wait for it (MQK_WAIT_F_ROOM, or poll for POLLOUT), then try again",
	},
	[MQK_RULE_DIRECTORY] = {
		"the directory, or a file in it, is not what is needed for that",
		"create a broker in an empty directory, open and close a durable one; mqk-fsck shows what a directory holds",
	},
	[MQK_RULE_SYNC] = {
		"messages cannot be kept yet, only what is declared",
		"use the level none",
	},
	[MQK_RULE_FORMAT] = {
		"a later version of mqk wrote these files",
		"use that version",
	},
	[MQK_RULE_DAMAGED] = {
		"the files of the broker are damaged",
		"run mqk-fsck on the directory, which says where, and restore a copy",
	},
	[MQK_RULE_JOURNAL] = {
		"the journal could not be read or written, now or before",
		"look into the kernel log; mend the disk or make room, then close the broker and open it again",
	},
	[MQK_RULE_NO_TX] = {
		"the session has no transaction",
		"begin one (MQK_TX_F_BEGIN)",
	},
	[MQK_RULE_IN_TX] = {
		"the session has a transaction",
		"commit it, or roll it back",
	},
	[MQK_RULE_TX_LIMIT] = {
		"the transaction has as much as it may",
		"commit it, and begin another one",
	},
	[MQK_RULE_FULL] = {
		"a queue has no room for a message of the transaction",
		"try again when it has; nothing was done",
	},
	[MQK_RULE_TAKEN_BACK] = {
		"a message that the transaction settles is not its consumer's any more",
		"nothing was done; it was, or will be, delivered again",
	},
	[MQK_RULE_SINGLE_ACTIVE] = {
		"the queue gives messages to one consumer alone",
		"consume it instead",
	},
};

int mqk_last_error(struct mqk *m, struct mqk_error *e)
{
	if (!e)
		return -EINVAL;
	return mqk_ioctl(m, MQK_IOC_ERROR, e);
}

static const char *system_text(uint32_t error, char *buf, size_t size)
{
	if (strerror_r((int)error, buf, size))
		snprintf(buf, size, "error %" PRIu32, error);
	return buf;
}

static int limit_text(const struct mqk_error *e, const char *text, char *buf,
		      size_t size)
{
	bool user = e->rule == MQK_RULE_USER_LIMIT;
	const char *whose = user ? "user" : "broker";
	const char *cure = user ? "ask for a higher limit of the user" :
				  "make the broker with a higher limit";

	if (e->resource >= MQK_RES_NR)
		return snprintf(buf, size,
				"Refused (%s): a limit of this %s is reached: %" PRIu64
				" are allowed and %" PRIu64 " in use; %s.",
				text, whose, (uint64_t)e->limit,
				(uint64_t)e->used, cure);
	return snprintf(buf, size,
			"Refused (%s): this %s may have %" PRIu64
			" %s and has %" PRIu64 "; %s, or %s.",
			text, whose, (uint64_t)e->limit,
			resources[e->resource].name, (uint64_t)e->used,
			resources[e->resource].cure, cure);
}

int mqk_error_text(const struct mqk_error *e, char *buf, size_t size)
{
	char system[128];
	const char *text;

	if (!e || (size && !buf))
		return -EINVAL;
	if (!e->error)
		return snprintf(buf, size, "No call of this session has failed.");

	text = system_text(e->error, system, sizeof(system));
	if (e->rule == MQK_RULE_USER_LIMIT || e->rule == MQK_RULE_BROKER_LIMIT)
		return limit_text(e, text, buf, size);
	if (e->rule < MQK_RULE_NR && rules[e->rule].what)
		return snprintf(buf, size, "Refused (%s): %s; %s.", text,
				rules[e->rule].what, rules[e->rule].cure);
	if (e->rule != MQK_RULE_NONE)
		return snprintf(buf, size,
				"Refused (%s) by rule %" PRIu32
				", which this library does not know.",
				text, (uint32_t)e->rule);
	return snprintf(buf, size, "Failed: %s.", text);
}
