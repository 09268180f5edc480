// SPDX-License-Identifier: GPL-2.0-only
#include "calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PTR(p)	((__u64)(uintptr_t)(p))

/* --- requests that work -------------------------------------------------- */

static void fill_broker_create(struct world *w, void *request)
{
	struct mqk_broker_create *r = request;

	r->name = PTR(w->fresh);
	r->name_len = strlen(w->fresh);
}

static void fill_broker_delete(struct world *w, void *request)
{
	struct mqk_broker_delete *r = request;

	r->name = PTR(w->victim.name);
	r->name_len = strlen(w->victim.name);
}

/*
 * A durable broker that is open, and the directory of one that is not: made for who
 * asks, since that takes longer than all else.
 */
static int make_durable(struct world *w)
{
	struct broker shelved;
	int ret, s;

	ret = directory_make(w->kept_dir, sizeof(w->kept_dir)) ?:
	      directory_make(w->shelf_dir, sizeof(w->shelf_dir)) ?:
	      broker_keep(&w->kept, w->kept_dir) ?:
	      broker_keep(&shelved, w->shelf_dir);
	if (ret)
		return ret;
	s = broker_open(&shelved, O_RDWR);
	if (s < 0)
		return s;
	ret = queue_declare(s, "kept", MQK_DECLARE_F_DURABLE) < 0 ? -EIO :
	      binding_add(s, "amq.topic", "kept", "a.#");
	close(s);
	ret = ret ?: broker_close(&shelved, 0);
	w->shelf = open(w->shelf_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return ret ?: w->shelf < 0 ? -errno : 0;
}

/* What fails here fails the call that was to have it. */
static void want_durable(struct world *w)
{
	int ret = w->kept_dir[0] ? 0 : make_durable(w);

	if (ret)
		fprintf(stderr, "# no durable broker: %d\n", ret);
}

static void fill_broker_open(struct world *w, void *request)
{
	struct mqk_broker_open *r = request;

	want_durable(w);
	r->name = PTR(w->fresh);
	r->name_len = strlen(w->fresh);
	r->dir = w->shelf;
}

static void fill_broker_close(struct world *w, void *request)
{
	struct mqk_broker_delete *r = request;

	want_durable(w);
	r->name = PTR(w->kept.name);
	r->name_len = strlen(w->kept.name);
}

static void fill_broker_next(struct world *w, void *request)
{
	struct mqk_broker_next *r = request;

	r->name = PTR(w->out);
	r->name_len = MQK_BROKER_NAME_MAX;
}

static void fill_exchange_declare(struct world *w, void *request)
{
	struct mqk_exchange_declare *r = request;

	r->name = PTR("new");
	r->name_len = 3;
	r->type = MQK_EXCHANGE_TOPIC;
}

static void fill_exchange_delete(struct world *w, void *request)
{
	struct mqk_delete *r = request;

	r->name = PTR("e");
	r->name_len = 1;
}

static void fill_exchange_next(struct world *w, void *request)
{
	struct mqk_exchange_next *r = request;

	/* Not the first, which has no name to copy. */
	r->flags = MQK_NEXT_F_EXACT;
	r->id = w->exchange;
	r->name = PTR(w->out);
}

static void fill_queue_declare(struct world *w, void *request)
{
	struct mqk_queue_declare *r = request;

	r->made_name = PTR(w->out);
}

static void fill_queue_delete(struct world *w, void *request)
{
	struct mqk_delete *r = request;

	r->name = PTR("q");
	r->name_len = 1;
}

static void fill_queue_redrive(struct world *w, void *request)
{
	struct mqk_queue_redrive *r = request;

	r->name = PTR("q");
	r->name_len = 1;
	r->count = 1;
}

static void fill_queue_set(struct world *w, void *request)
{
	/* a header whose value is a long */
	static const __u8 args[24] = "l\x0c\x08\0x-max-length\xe8\x03";
	struct mqk_queue_set *r = request;

	r->flags = MQK_QUEUE_SET_F_PAUSE;
	r->name = PTR("q");
	r->name_len = 1;
	r->args = PTR(args);
	r->args_len = sizeof(args);
}

static void fill_queue_cancel(struct world *w, void *request)
{
	struct mqk_queue_cancel *r = request;

	r->name = PTR("q");
	r->name_len = 1;
	r->id = PTR("an id");
	r->id_len = 5;
}

static void fill_queue_next(struct world *w, void *request)
{
	struct mqk_queue_next *r = request;

	r->name = PTR(w->out);
}

static void fill_binding(struct world *w, void *request, const char *key)
{
	struct mqk_bind *r = request;

	r->exchange = PTR("e");
	r->exchange_len = 1;
	r->queue = PTR("q");
	r->queue_len = 1;
	r->key = PTR(key);
	r->key_len = strlen(key);
}

static void fill_bind(struct world *w, void *request)
{
	fill_binding(w, request, "another key");
}

static void fill_unbind(struct world *w, void *request)
{
	fill_binding(w, request, "key");
}

static void fill_route(struct world *w, void *request)
{
	struct mqk_route_query *r = request;

	r->exchange = PTR("e");
	r->exchange_len = 1;
	r->key = PTR("key");
	r->key_len = 3;
	r->ids = PTR(w->out);
	r->count = 4;
}

static void fill_port_close(struct world *w, void *request)
{
	((struct mqk_id *)request)->id = w->copy.c.id;
}

static void fill_port_segment(struct world *w, void *request)
{
	((struct mqk_port_segment *)request)->port = w->inplace.c.id;
}

static void fill_publish(struct world *w, void *request)
{
	struct mqk_publish *r = request;

	w->number = 77;
	w->message = (struct mqk_message) {
		.exchange = w->exchange,
		.key = PTR("key"),
		.key_len = 3,
		.payload = PTR(&w->number),
		.payload_len = sizeof(w->number),
	};
	r->port = w->copy.c.id;
	r->count = 1;
	r->messages = PTR(&w->message);
}

static void fill_will(struct world *w, void *request)
{
	struct mqk_will *r = request;

	w->number = 77;
	w->message = (struct mqk_message) {
		.exchange = w->exchange,
		.key = PTR("key"),
		.key_len = 3,
		.payload = PTR(&w->number),
		.payload_len = sizeof(w->number),
	};
	r->message = PTR(&w->message);
}

static void fill_tx(struct world *w, void *request)
{
	struct mqk_tx *r = request;

	r->flags = MQK_TX_F_BEGIN;
}

static void fill_consumer_create(struct world *w, void *request)
{
	struct mqk_consumer_create *r = request;

	r->queue = PTR("q");
	r->queue_len = 1;
	r->prefetch = 1;
	r->entries = 16;
}

static void fill_consumer_id(struct world *w, void *request)
{
	((struct mqk_id *)request)->id = w->push.c.id;
}

static void fill_prefetch(struct world *w, void *request)
{
	struct mqk_prefetch *r = request;

	r->id = w->push.c.id;
	r->prefetch = 3;
}

static void fill_wait(struct world *w, void *request)
{
	struct mqk_wait *r = request;

	r->flags = MQK_WAIT_F_CONSUMER;
	r->id = w->push.c.id;
}

static void fill_get(struct world *w, void *request)
{
	struct mqk_get *r = request;

	r->consumer = w->pull.c.id;
	r->queue = w->queue;
	r->delivery = PTR(&w->delivery);
}

static void fill_read(struct world *w, void *request)
{
	struct mqk_read *r = request;

	r->consumer = w->push.c.id;
	r->tag = w->unacked.tag;
	r->offset = MQK_RECORD_KEY;
	r->data = PTR(w->out);
	r->len = 16;
}

static void fill_browse(struct world *w, void *request)
{
	struct mqk_browse *r = request;

	r->queue = w->queue;
	r->delivery = PTR(&w->delivery);
	r->data = PTR(w->out);
	r->len = 16;
}

static void fill_list(struct world *w, void *request)
{
	struct mqk_list *r = request;

	r->count = 1;
	r->entries = PTR(w->out);
	r->data = PTR(w->out + 2048);
	r->data_len = 64;
}

static void fill_port_create(struct world *w, void *request)
{
	struct mqk_port_create *r = request;

	r->producer = PTR("port");
	r->producer_len = 4;
}

static void fill_nothing(struct world *w, void *request)
{
}

/* --- the table ----------------------------------------------------------- */

#define DECLARE_FLAGS	(MQK_DECLARE_F_PASSIVE | MQK_DECLARE_F_DURABLE | \
			 MQK_DECLARE_F_AUTO_DELETE | MQK_DECLARE_F_MODE)

#define AT(type, member) \
	offsetof(struct mqk_##type, member)
#define RESV(type, member) \
	{ AT(type, member), sizeof(((struct mqk_##type *)0)->member) }
#define PTR_IN(type, member, length, n) \
	{ AT(type, member), AT(type, length), \
	  sizeof(((struct mqk_##type *)0)->length), n, false }
#define PTR_OUT(type, member, n) \
	{ AT(type, member), 0, 0, n, true }
#define CALL(NAME, type) \
	.name = #NAME, .cmd = MQK_IOC_##NAME, .size = sizeof(struct mqk_##type)
#define CONTROL		.control = true, .access = O_RDWR
#define BROKER(mode)	.broker = true, .access = mode

const struct call calls[] = {
	{ CALL(QUERY, query), .control = true, BROKER(O_RDWR),
	  .fill = fill_nothing, .resv = { RESV(query, resv) } },
	{ CALL(ERROR, error), .control = true, BROKER(O_RDWR),
	  .fill = fill_nothing, .resv = { RESV(error, resv) } },
	{ CALL(STAT, stat), BROKER(O_RDWR), .fill = fill_nothing },
	{ CALL(BROKER_CREATE, broker_create), CONTROL,
	  .flags = MQK_BROKER_F_MODE | MQK_BROKER_F_OWNER | MQK_BROKER_F_NOMAP |
		   MQK_BROKER_F_DIR,
	  .fill = fill_broker_create,
	  .ptr = { PTR_IN(broker_create, name, name_len, 4) } },
	{ CALL(BROKER_DELETE, broker_delete), CONTROL,
	  .flags = MQK_BROKER_DELETE_F_FORCE, .fill = fill_broker_delete,
	  .ptr = { PTR_IN(broker_delete, name, name_len, 4) },
	  .resv = { RESV(broker_delete, resv) } },
	{ CALL(BROKER_OPEN, broker_open), CONTROL,
	  .flags = MQK_BROKER_F_MODE | MQK_BROKER_F_OWNER, .fill = fill_broker_open,
	  .ptr = { PTR_IN(broker_open, name, name_len, 4) },
	  .resv = { RESV(broker_open, resv) } },
	{ CALL(BROKER_CLOSE, broker_delete), CONTROL,
	  .flags = MQK_BROKER_DELETE_F_FORCE, .fill = fill_broker_close,
	  .ptr = { PTR_IN(broker_delete, name, name_len, 4) },
	  .resv = { RESV(broker_delete, resv) } },
	{ CALL(BROKER_NEXT, broker_next), CONTROL, .fill = fill_broker_next,
	  .ptr = { PTR_OUT(broker_next, name, 4) } },
	{ CALL(EXCHANGE_DECLARE, exchange_declare), BROKER(O_WRONLY),
	  .flags = DECLARE_FLAGS | MQK_DECLARE_F_INTERNAL,
	  .fill = fill_exchange_declare,
	  .ptr = { PTR_IN(exchange_declare, name, name_len, 3),
		   PTR_IN(exchange_declare, args, args_len, 16) },
	  .resv = { RESV(exchange_declare, resv) } },
	{ CALL(EXCHANGE_DELETE, delete), BROKER(O_RDWR),
	  .flags = MQK_DELETE_F_IF_UNUSED | MQK_DELETE_F_IF_EMPTY,
	  .fill = fill_exchange_delete,
	  .ptr = { PTR_IN(delete, name, name_len, 2) },
	  .resv = { RESV(delete, resv) } },
	{ CALL(EXCHANGE_NEXT, exchange_next), BROKER(O_RDWR),
	  .flags = MQK_NEXT_F_EXACT, .fill = fill_exchange_next,
	  .ptr = { PTR_OUT(exchange_next, name, 1) },
	  .resv = { RESV(exchange_next, resv) } },
	{ CALL(QUEUE_DECLARE, queue_declare), BROKER(O_RDWR),
	  .flags = DECLARE_FLAGS | MQK_DECLARE_F_EXCLUSIVE,
	  .fill = fill_queue_declare,
	  .ptr = { PTR_IN(queue_declare, name, name_len, 3),
		   PTR_IN(queue_declare, args, args_len, 16),
		   PTR_OUT(queue_declare, made_name, 8) } },
	{ CALL(QUEUE_DELETE, delete), BROKER(O_RDWR),
	  .flags = MQK_DELETE_F_IF_UNUSED | MQK_DELETE_F_IF_EMPTY,
	  .fill = fill_queue_delete,
	  .ptr = { PTR_IN(delete, name, name_len, 2) },
	  .resv = { RESV(delete, resv) } },
	{ CALL(QUEUE_PURGE, delete), BROKER(O_RDWR),
	  .fill = fill_queue_delete,
	  .ptr = { PTR_IN(delete, name, name_len, 2) },
	  .resv = { RESV(delete, resv) } },
	{ CALL(QUEUE_REDRIVE, queue_redrive), BROKER(O_RDWR),
	  .fill = fill_queue_redrive,
	  .ptr = { PTR_IN(queue_redrive, name, name_len, 2) },
	  .resv = { RESV(queue_redrive, resv) } },
	{ CALL(QUEUE_SET, queue_set), BROKER(O_RDWR),
	  .flags = MQK_QUEUE_SET_F_PAUSE | MQK_QUEUE_SET_F_RESUME,
	  .fill = fill_queue_set,
	  .ptr = { PTR_IN(queue_set, name, name_len, 1),
		   PTR_IN(queue_set, args, args_len, 24) } },
	{ CALL(QUEUE_CANCEL, queue_cancel), BROKER(O_RDWR),
	  .fill = fill_queue_cancel,
	  .ptr = { PTR_IN(queue_cancel, name, name_len, 1),
		   PTR_IN(queue_cancel, id, id_len, 5) } },
	{ CALL(QUEUE_NEXT, queue_next), BROKER(O_RDWR),
	  .flags = MQK_NEXT_F_EXACT, .fill = fill_queue_next,
	  .ptr = { PTR_OUT(queue_next, name, 1) } },
	{ CALL(BIND, bind), BROKER(O_RDWR), .flags = MQK_BIND_F_EXCHANGE,
	  .fill = fill_bind,
	  .ptr = { PTR_IN(bind, exchange, exchange_len, 2),
		   PTR_IN(bind, queue, queue_len, 2),
		   PTR_IN(bind, key, key_len, 4),
		   PTR_IN(bind, args, args_len, 16) } },
	{ CALL(UNBIND, bind), BROKER(O_RDWR), .flags = MQK_BIND_F_EXCHANGE,
	  .fill = fill_unbind,
	  .ptr = { PTR_IN(bind, exchange, exchange_len, 2),
		   PTR_IN(bind, queue, queue_len, 2),
		   PTR_IN(bind, key, key_len, 4),
		   PTR_IN(bind, args, args_len, 16) } },
	{ CALL(ROUTE, route_query), BROKER(O_RDWR), .fill = fill_route,
	  .flags = MQK_MSG_F_CC,
	  .ptr = { PTR_IN(route_query, exchange, exchange_len, 2),
		   PTR_IN(route_query, key, key_len, 4),
		   PTR_IN(route_query, headers, headers_len, 16),
		   PTR_OUT(route_query, ids, 4) } },
	{ CALL(BINDING_LIST, list), BROKER(O_RDWR), .fill = fill_list,
	  .ptr = { PTR_OUT(list, entries, sizeof(struct mqk_binding_entry)),
		   PTR_OUT(list, data, 5) },
	  .resv = { RESV(list, resv) } },
	{ CALL(PORT_CREATE, port_create), BROKER(O_WRONLY),
	  .flags = MQK_PORT_F_INPLACE | MQK_PORT_F_CONFIRM,
	  .fill = fill_port_create,
	  .ptr = { PTR_IN(port_create, producer, producer_len, 4) },
	  .resv = { RESV(port_create, resv) } },
	{ CALL(PORT_CLOSE, id), BROKER(O_RDWR), .own_id = true,
	  .flags = MQK_ID_F_FORGET,
	  .fill = fill_port_close, .resv = { RESV(id, resv) } },
	{ CALL(PORT_SEGMENT, port_segment), BROKER(O_RDWR), .own_id = true,
	  .fill = fill_port_segment, .resv = { RESV(port_segment, resv) } },
	{ CALL(PUBLISH, publish), BROKER(O_RDWR), .own_id = true,
	  .fill = fill_publish,
	  .ptr = { { AT(publish, messages), 0, 0,
		     sizeof(struct mqk_message), false } },
	  .resv = { RESV(publish, resv) } },
	{ CALL(WILL, will), BROKER(O_WRONLY), .fill = fill_will,
	  .ptr = { { AT(will, message), 0, 0, sizeof(struct mqk_message),
		     false } } },
	{ CALL(TX, tx), BROKER(O_RDWR),
	  .flags = MQK_TX_F_BEGIN | MQK_TX_F_COMMIT | MQK_TX_F_ROLLBACK,
	  .fill = fill_tx },
	{ CALL(CONSUMER_CREATE, consumer_create), BROKER(O_RDONLY),
	  .flags = MQK_CONSUMER_F_NOACK | MQK_CONSUMER_F_EXCLUSIVE |
		   MQK_CONSUMER_F_COPY | MQK_CONSUMER_F_PULL,
	  .fill = fill_consumer_create,
	  .ptr = { PTR_IN(consumer_create, queue, queue_len, 2),
		   PTR_IN(consumer_create, args, args_len, 16) },
	  .resv = { RESV(consumer_create, resv) } },
	{ CALL(CONSUMER_CANCEL, id), BROKER(O_RDWR), .own_id = true,
	  .fill = fill_consumer_id, .resv = { RESV(id, resv) } },
	{ CALL(CONSUMER_CLOSE, id), BROKER(O_RDWR), .own_id = true,
	  .fill = fill_consumer_id, .resv = { RESV(id, resv) } },
	{ CALL(PREFETCH, prefetch), BROKER(O_RDWR), .own_id = true,
	  .fill = fill_prefetch },
	{ CALL(WAIT, wait), BROKER(O_RDWR), .own_id = true,
	  .flags = MQK_WAIT_F_CONSUMER, .fill = fill_wait,
	  .resv = { RESV(wait, resv) } },
	{ CALL(GET, get), BROKER(O_RDWR), .own_id = true, .fill = fill_get,
	  .ptr = { PTR_OUT(get, delivery, sizeof(struct mqk_delivery)) } },
	{ CALL(READ, read), BROKER(O_RDWR), .own_id = true, .fill = fill_read,
	  .ptr = { PTR_OUT(read, data, 16) },
	  .resv = { RESV(read, resv) } },
	{ CALL(BROWSE, browse), BROKER(O_RDONLY), .fill = fill_browse,
	  .ptr = { PTR_OUT(browse, delivery, sizeof(struct mqk_delivery)),
		   PTR_OUT(browse, data, 16) },
	  .resv = { RESV(browse, resv) } },
	{ CALL(PRODUCER_LIST, list), BROKER(O_RDWR), .fill = fill_list,
	  .ptr = { PTR_OUT(list, entries, sizeof(struct mqk_producer_entry)),
		   PTR_OUT(list, data, 6) },
	  .resv = { RESV(list, resv) } },
	{ CALL(CONSUMER_LIST, list), BROKER(O_RDWR), .fill = fill_list,
	  .ptr = { PTR_OUT(list, entries, sizeof(struct mqk_consumer_entry)),
		   PTR_OUT(list, data, 1) },
	  .resv = { RESV(list, resv) } },
};

const unsigned int nr_calls = sizeof(calls) / sizeof(calls[0]);

const struct call *call_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < nr_calls; i++)
		if (!strcmp(calls[i].name, name))
			return &calls[i];
	return NULL;
}

/* --- the world ----------------------------------------------------------- */

int world_fd(const struct world *w, const struct call *call)
{
	return call->broker ? w->s : w->control;
}

void call_fill(const struct call *call, struct world *w, void *request)
{
	memset(request, 0, REQUEST_MAX);
	*(__u32 *)request = call->size;
	call->fill(w, request);
}

int call_do(const struct call *call, struct world *w, void *request)
{
	return mq(world_fd(w, call), call->cmd, request);
}

/* A producer's name, which stays as long as its port. */
static int world_producer(struct world *w)
{
	struct mqk_port_create c = {
		.size = sizeof(c), .entries = 16, .producer = PTR("listed"), .producer_len = 6,
	};

	return mq(w->s, MQK_IOC_PORT_CREATE, &c);
}

static int world_objects(struct world *w)
{
	__s64 id;
	int ret;

	id = exchange_declare(w->s, "e", MQK_EXCHANGE_DIRECT, 0);
	if (id < 0)
		return id;
	w->exchange = id;
	id = queue_declare(w->s, "q", 0);
	if (id < 0)
		return id;
	w->queue = id;
	id = queue_declare(w->s, "r", 0);
	if (id < 0)
		return id;
	ret = binding_add(w->s, "e", "q", "key");
	return ret ?: binding_add(w->s, "e", "r", "key");
}

static int world_traffic(struct world *w)
{
	int ret;

	ret = port_make(&w->copy, w->s, MQK_PORT_F_CONFIRM, 64);
	if (!ret)
		ret = port_make(&w->inplace, w->s, MQK_PORT_F_INPLACE, 16);
	if (!ret)
		ret = consumer_make(&w->push, w->s, "r", 0, 2, 16);
	if (!ret)
		ret = consumer_make(&w->pull, w->s, NULL, MQK_CONSUMER_F_PULL,
				    0, 16);
	/* Three wait in "q"; in "r" two are delivered, one of them unread. */
	if (!ret)
		ret = port_numbers(&w->copy, w->exchange, "key", 1, 3);
	if (!ret)
		ret = consumer_next(&w->push, &w->unacked, LONG_MS);
	return ret;
}

int world_begin(struct world *w)
{
	struct mqk_broker_create want = { .segment_size = 64 << 10 };
	int ret;

	memset(w, 0, sizeof(*w));
	ret = env_begin(&w->env, &want);
	if (ret)
		return ret;
	snprintf(w->fresh, sizeof(w->fresh), "fresh-%d", getpid());
	w->control = control_open();
	ret = broker_make(&w->victim, NULL);
	if (ret)
		return ret;
	w->s = env_session(&w->env, O_RDWR);
	if (w->s < 0)
		return w->s;
	return world_objects(w) ?: world_producer(w) ?: world_traffic(w);
}

int world_end(struct world *w)
{
	struct broker fresh;

	strcpy(fresh.name, w->fresh);
	broker_delete(&fresh, MQK_BROKER_DELETE_F_FORCE);
	broker_delete(&w->victim, MQK_BROKER_DELETE_F_FORCE);
	broker_close(&fresh, MQK_BROKER_DELETE_F_FORCE);
	if (w->kept_dir[0]) {
		broker_close(&w->kept, MQK_BROKER_DELETE_F_FORCE);
		directory_remove(w->kept_dir);
		directory_remove(w->shelf_dir);
		close(w->shelf);
	}
	close(w->control);
	return env_end(&w->env);
}

static bool node_there(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", MQK_DIR, name);
	return !access(path, F_OK);
}

void world_state(struct world *w, struct world_state *state)
{
	char name[MQK_NAME_MAX];
	struct mqk_queue_next q = { .size = sizeof(q), .name = PTR(name) };
	struct mqk_query query_;
	struct mqk_stat stat_;
	int i;

	memset(state, 0, sizeof(*state));
	state->error = query(w->env.admin, &query_) ?:
		       stat_get(w->env.admin, &stat_);
	if (state->error)
		return;
	memcpy(state->used, query_.broker_used, sizeof(state->used));
	/* Charged in grants, which a refused message may move about. */
	state->used[MQK_RES_MESSAGES] = 0;
	state->counters[0] = stat_.published;
	state->counters[1] = stat_.routed;
	state->counters[2] = stat_.delivered;
	state->counters[3] = stat_.acked;
	state->counters[4] = stat_.requeued;
	state->counters[5] = stat_.dropped;
	state->counters[6] = stat_.broken;
	for (i = 0; i < 2 && !mq(w->env.admin, MQK_IOC_QUEUE_NEXT, &q); i++) {
		state->queues[i][0] = q.id;
		state->queues[i][1] = q.ready;
		state->queues[i][2] = q.unacked;
		state->queues[i][3] = q.consumers;
		state->queues[i][4] = q.published;
		state->queues[i][5] = q.delivered;
		state->queues[i][6] = q.bytes;
		state->queues[i][7] = q.dropped;
		q.flags = 0;
	}
	state->victim = node_there(w->victim.name);
	state->fresh = node_there(w->fresh);
}

int world_changed(struct world *w, const struct world_state *before)
{
	const __u64 *a = (const __u64 *)before, *b;
	struct world_state now;
	unsigned int i;
	int changes = 0;

	world_state(w, &now);
	b = (const __u64 *)&now;
	for (i = 0; i < sizeof(now) / sizeof(*a); i++) {
		if (a[i] == b[i])
			continue;
		fprintf(stderr, "# changed: word %u of the state, %llu -> %llu\n",
			i, (unsigned long long)a[i], (unsigned long long)b[i]);
		changes++;
	}
	return changes;
}
