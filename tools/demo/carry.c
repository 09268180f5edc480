// SPDX-License-Identifier: GPL-2.0-only
/*
 * mqk-demo-carry: hand the records of a file from one process to another, by
 * one of
 *
 *   mqk BROKER	in place through a topic exchange and one queue, 32 with one
 *		doorbell, each acknowledged
 *   mqueue	a POSIX message queue
 *   unix	an AF_UNIX socket that keeps messages apart (SOCK_SEQPACKET)
 *
 * Both sides block when they have to wait.  The receiver checks and notes each
 * record, as the consumers of the demo do.  Exit status 3: this machine does not
 * let it, for the reason given.
 */
#include "input.h"
#include "results.h"
#include "say.h"

#include <fcntl.h>
#include <mqk.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define BATCH		32
#define DEPTH		256
#define SKIPPED		3
#define TIME_LIMIT	180
#define EXCHANGE	"carry"
#define QUEUE		"carried"

struct carrier {
	struct input in;
	struct results *r;
	uint64_t records;
	size_t room;		/* bytes of the largest message */
	char *buf;
	const char *broker;
	mqd_t queue;
	int socket[2];
};

/* Number, key, newline, text: for carriers that have no key of their own. */
static size_t pack(char *buf, const struct record *r)
{
	char *p = buf;

	memcpy(p, &r->id, sizeof(r->id));
	p += sizeof(r->id);
	memcpy(p, r->key, r->key_len);
	p += r->key_len;
	*p++ = '\n';
	memcpy(p, r->text, r->len);
	return (size_t)(p - buf) + r->len;
}

static void note_packed(struct results *r, const char *buf, ssize_t len)
{
	const char *key = buf + sizeof(uint64_t), *end;
	uint64_t id;

	if (len < (ssize_t)sizeof(id))
		die("receive", len < 0 ? errno : EPIPE);
	memcpy(&id, buf, sizeof(id));
	end = memchr(key, '\n', (size_t)len - sizeof(id));
	if (!end)
		die("a message without a key", 0);
	results_note(r, id, key, (size_t)(end - key), end + 1,
		     (size_t)(buf + len - (end + 1)), 0);
	results_acked(r, id);
}

/* --- mqueue --------------------------------------------------------------- */

static void mqueue_open(struct carrier *c)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
	struct mq_attr attr = { .mq_msgsize = (long)c->room };
	char name[64];

	setrlimit(RLIMIT_MSGQUEUE, &limit);
	snprintf(name, sizeof(name), "/mqk-demo-%d", (int)getpid());
	c->queue = (mqd_t)-1;
	for (attr.mq_maxmsg = DEPTH; attr.mq_maxmsg; attr.mq_maxmsg /= 2) {
		c->queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
		if (c->queue != (mqd_t)-1 || (errno != EINVAL && errno != EMFILE))
			break;
	}
	if (c->queue == (mqd_t)-1) {
		fprintf(stderr, "mqueue: left out: messages of %zu bytes: %s\n",
			c->room, strerror(errno));
		exit(SKIPPED);
	}
	mq_unlink(name);
}

static void mqueue_send(struct carrier *c)
{
	struct record r;

	while (input_next(&c->in, &r))
		if (mq_send(c->queue, c->buf, pack(c->buf, &r), 0))
			die("mq_send", errno);
}

static void mqueue_receive(struct carrier *c)
{
	while (atomic_load(&c->r->messages) < c->records)
		note_packed(c->r, c->buf,
			    mq_receive(c->queue, c->buf, c->room, NULL));
}

/* --- AF_UNIX ---------------------------------------------------------------- */

static void unix_open(struct carrier *c)
{
	int size = (int)(DEPTH * c->room);

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, c->socket))
		die("socketpair", errno);
	if (size > 8 << 20)
		size = 8 << 20;
	if (setsockopt(c->socket[1], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		setsockopt(c->socket[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

static void unix_send(struct carrier *c)
{
	struct record r;
	size_t len;

	close(c->socket[0]);
	while (input_next(&c->in, &r)) {
		len = pack(c->buf, &r);
		if (send(c->socket[1], c->buf, len, 0) != (ssize_t)len)
			die("send", errno);
	}
}

static void unix_receive(struct carrier *c)
{
	close(c->socket[1]);
	while (atomic_load(&c->r->messages) < c->records)
		note_packed(c->r, c->buf, recv(c->socket[0], c->buf, c->room, 0));
}

/* --- mqk ---------------------------------------------------------------------- */

static void mqk_carry_open(struct carrier *c)
{
	struct mqk *m;
	int err;

	err = mqk_open(c->broker, 0, &m);
	if (err)
		die(c->broker, err);
	err = mqk_exchange_declare(m, EXCHANGE, MQK_EXCHANGE_TOPIC, NULL, NULL);
	if (!err)
		err = mqk_queue_declare(m, QUEUE, NULL, NULL);
	if (!err)
		err = mqk_bind(m, EXCHANGE, QUEUE, MQK_STR("#"), NULL, 0);
	if (err)
		die_mqk(m, "declare", err);
	mqk_close(m);
}

static void mqk_carry_send(struct carrier *c)
{
	struct mqk_port_opts opts = { .sz = sizeof(opts), .inplace = true, .batch = BATCH };
	struct mqk_port *p;
	struct record r;
	uint32_t exchange;
	struct mqk *m;
	void *payload;
	int err;

	err = mqk_open(c->broker, MQK_OPEN_PUBLISH, &m);
	if (err)
		die(c->broker, err);
	err = mqk_exchange_id(m, EXCHANGE, &exchange);
	if (!err)
		err = mqk_port_open(m, &opts, &p);
	while (!err && input_next(&c->in, &r)) {
		err = mqk_reserve(p, exchange, r.key, r.key_len, NULL, 0,
				  sizeof(r.id) + r.len, 0, &payload);
		if (err)
			break;
		memcpy(payload, &r.id, sizeof(r.id));
		memcpy((char *)payload + sizeof(r.id), r.text, r.len);
		err = mqk_commit(p);
	}
	if (!err)
		err = mqk_flush(p);
	if (err < 0)
		die_mqk(m, "publish", err);
	mqk_port_close(p);
	mqk_close(m);
}

static void mqk_carry_receive(struct carrier *c)
{
	struct mqk_consumer_opts opts = { .sz = sizeof(opts) };
	struct mqk_consumer *consumer;
	struct mqk_msg msg;
	struct mqk *m;
	uint64_t id;
	int ret;

	ret = mqk_open(c->broker, MQK_OPEN_CONSUME, &m);
	if (ret)
		die(c->broker, ret);
	ret = mqk_consume(m, QUEUE, &opts, &consumer);
	if (ret)
		die_mqk(m, QUEUE, ret);
	while (atomic_load(&c->r->messages) < c->records) {
		ret = mqk_recv(consumer, &msg, MQK_FOREVER);
		if (ret != 1)
			die_mqk(m, "receive", ret);
		memcpy(&id, msg.payload, sizeof(id));
		results_note(c->r, id, msg.key, msg.d.key_len,
			     (const char *)msg.payload + sizeof(id),
			     msg.d.payload_len - sizeof(id), 0);
		results_acked(c->r, id);
		ret = mqk_ack(consumer, msg.d.tag);
		if (ret)
			die_mqk(m, "ack", ret);
	}
	mqk_consumer_close(consumer);
	mqk_close(m);
}

/* --- both ends -------------------------------------------------------------------- */

static const struct how {
	const char *name, *text;
	void (*open)(struct carrier *c);
	void (*send)(struct carrier *c);
	void (*receive)(struct carrier *c);
} hows[] = {
	{ "mqk", "mqk, in place", mqk_carry_open, mqk_carry_send, mqk_carry_receive },
	{ "mqueue", "POSIX mqueue", mqueue_open, mqueue_send, mqueue_receive },
	{ "unix", "AF_UNIX SEQPACKET", unix_open, unix_send, unix_receive },
};

static int sender_status(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ?
	       WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
	struct carrier c = { .queue = (mqd_t)-1 };
	const struct how *how = NULL;
	size_t i;
	pid_t pid;

	for (i = 0; argc == 5 && i < sizeof(hows) / sizeof(hows[0]); i++)
		if (!strcmp(argv[1], hows[i].name))
			how = &hows[i];
	if (!how)
		usage("mqk|mqueue|unix BROKER INPUT RESULTS");
	c.broker = argv[2];
	input_open(&c.in, argv[3]);
	c.records = input_count(&c.in, &c.room);
	c.room += sizeof(uint64_t) + KEY_MAX + 1;
	c.buf = malloc(c.room);
	if (!c.buf)
		die("memory", ENOMEM);
	how->open(&c);
	c.r = results_create(argv[4], how->text, c.records);
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		die("fork", errno);
	alarm(TIME_LIMIT);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		how->send(&c);
		_exit(0);
	}
	how->receive(&c);
	atomic_store(&c.r->state, RESULTS_DONE);
	return sender_status(pid);
}
