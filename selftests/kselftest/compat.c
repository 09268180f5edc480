// SPDX-License-Identifier: GPL-2.0-only
/*
 * A 32-bit program: the same structures, the same calls, and mmap offsets that
 * its mmap2(2) can name.  One message goes out in place and comes back.
 *
 * It is compiled with -m32 and without a C library, since none is there for it on
 * most machines: so it brings its own system calls, and tells what it has to tell
 * by itself.
 *
 * mqk-test: parallel timeout=60 kernels=stock,host
 */
#include <linux/mqk.h>

typedef __u32 word;

#define RDWR		2
#define READ		1
#define READ_WRITE	3
#define SHARED		1

/* Numbers of 32-bit x86. */
enum { EXIT = 1, WRITE = 4, OPEN = 5, IOCTL = 54, MMAP2 = 192 };

static int call(word nr, word a, word b, word c, word d, word e, word f)
{
	word last[] = { d, f }, *rest = last;
	int ret;

	/* the sixth goes into the frame pointer, which gcc may want */
	__asm__ volatile("pushl %%ebp\n\t"
			 "movl 4(%%esi), %%ebp\n\t"
			 "movl (%%esi), %%esi\n\t"
			 "int $0x80\n\t"
			 "popl %%ebp"
			 : "=a" (ret), "+S" (rest)
			 : "0" (nr), "b" (a), "c" (b), "d" (c), "D" (e)
			 : "memory");
	return ret;
}

static word address(const void *p)
{
	return (word)(unsigned long)p;
}

static int mq(int fd, word cmd, void *arg)
{
	return call(IOCTL, fd, cmd, address(arg), 0, 0, 0);
}

/* What mmap64() does there; NULL when it fails, or cannot name the offset. */
static void *map(int fd, __u64 offset, __u64 bytes, word prot)
{
	int at;

	if (offset >> MQK_MAP_OFFSET_BITS)
		return 0;
	at = call(MMAP2, 0, bytes, prot, SHARED, fd, (word)(offset >> 12));
	return at < 0 && at > -4096 ? 0 : (void *)(unsigned long)at;
}

void *memset(void *to, int c, __SIZE_TYPE__ n)
{
	char *p = to;

	while (n--)
		*p++ = c;
	return to;
}

void *memcpy(void *to, const void *from, __SIZE_TYPE__ n)
{
	const char *f = from;
	char *p = to;

	while (n--)
		*p++ = *f++;
	return to;
}

static void say(const char *text)
{
	word n = 0;

	while (text[n])
		n++;
	call(WRITE, 1, address(text), n, 0, 0, 0);
}

static int failed, count;

static void check(const char *name, int good)
{
	char number[] = " 0 - ";

	number[1] += ++count;
	say(good ? "ok" : "not ok");
	say(number);
	say(name);
	say("\n");
	failed |= !good;
}

static struct mqk_query query = { .size = sizeof(query) };
static struct mqk_queue_declare queue = {
	.size = sizeof(queue), .flags = MQK_DECLARE_F_EXCLUSIVE,
};
static struct mqk_consumer_create consumer = { .size = sizeof(consumer) };
static struct mqk_port_create port = {
	.size = sizeof(port), .flags = MQK_PORT_F_INPLACE | MQK_PORT_F_CONFIRM,
};
static struct mqk_port_segment segment = { .size = sizeof(segment) };
static char name[MQK_NAME_MAX + 1];
static const char text[8] = "payload";

static void put(struct mqk_record *r)
{
	/* what follows is no record */
	*(__u32 *)((char *)r + MQK_RECORD_SIZE(queue.made_name_len, 0, 8)) = 0;
	r->payload_len = sizeof(text);
	r->key_len = queue.made_name_len;
	r->type = MQK_RECORD_DATA;
	r->exchange = 1;		/* the default exchange */
	memcpy(r->key, name, queue.made_name_len);
	memcpy((char *)r + MQK_RECORD_PAYLOAD(r->key_len, 0), text, sizeof(text));
	__atomic_store_n(&r->commit, segment.generation, __ATOMIC_RELEASE);
}

static int same(const char *a, const char *b, word n)
{
	while (n--)
		if (*a++ != *b++)
			return 0;
	return 1;
}

static void make(int fd)
{
	check("query", !mq(fd, MQK_IOC_QUERY, &query) && query.abi == MQK_ABI);
	queue.made_name = address(name);
	check("a queue", !mq(fd, MQK_IOC_QUEUE_DECLARE, &queue));
	consumer.queue = address(name);
	consumer.queue_len = queue.made_name_len;
	check("a consumer", !mq(fd, MQK_IOC_CONSUMER_CREATE, &consumer));
	check("a port", !mq(fd, MQK_IOC_PORT_CREATE, &port));
	segment.port = port.id;
	check("a segment", !mq(fd, MQK_IOC_PORT_SEGMENT, &segment));
}

static void talk(int fd)
{
	struct mqk_record *window = map(fd, port.window_offset, port.window_size,
					READ_WRITE);
	char *completions = map(fd, port.page_offset, port.page_size, READ);
	char *k = map(fd, consumer.page_offset, consumer.page_size, READ);
	char *u = map(fd, consumer.user_offset, consumer.user_size, READ_WRITE);
	const struct mqk_delivery *d;
	const char *record;
	struct mqk_ack *ack;

	if (!window || !completions || !k || !u) {
		check("rings and window can be mapped", 0);
		return;
	}
	put(window);
	check("the doorbell", mq(fd, MQK_IOC_DOORBELL, (void *)(long)port.id) == 1);
	check("the confirm", ((struct mqk_completion *)
			      (completions + port.ring_offset))->pos == 1);
	d = (struct mqk_delivery *)(k + consumer.ring_offset);
	record = map(fd, query.segment_base +
		     ((__u64)MQK_REF_SEGMENT(d->ref) << query.segment_shift),
		     query.segment_size, READ);
	check("the message", d->pos == 1 && record &&
	      same(record + MQK_REF_OFFSET(d->ref) +
		   MQK_RECORD_PAYLOAD(d->key_len, d->headers_len), text,
		   sizeof(text)));
	ack = (struct mqk_ack *)(u + consumer.ack_offset);
	ack->tag = d->tag;
	ack->op = MQK_ACK_ACCEPT;
	__atomic_store_n((__u32 *)&((struct mqk_consumer_user *)u)->ack_tail, 1,
			 __ATOMIC_RELEASE);
	check("the acknowledgement",
	      mq(fd, MQK_IOC_KICK, (void *)(long)consumer.id) == 1);
}

__attribute__((force_align_arg_pointer)) void _start(void)
{
	int fd = call(OPEN, address("/dev/mqk/default"), RDWR, 0, 0, 0, 0);

	say("TAP version 13\n1..9\n");
	make(fd);
	if (!failed)
		talk(fd);
	call(EXIT, failed, 0, 0, 0, 0, 0);
	__builtin_unreachable();
}
