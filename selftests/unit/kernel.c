// SPDX-License-Identifier: GPL-2.0-only
#include "kernel.h"

#include <string.h>

#include <linux/shmem_fs.h>
#include <linux/timekeeping.h>

#include "kmod/broker.h"
#include "kmod/consumer.h"
#include "kmod/ioctl.h"
#include "kmod/limits.h"
#include "kmod/port.h"
#include "kmod/queue.h"
#include "kmod/retire.h"
#include "kmod/ringmap.h"
#include "kmod/session.h"
#include "kmod/will.h"
#include "kmod/window.h"
#include "kmod/work.h"
#include "shim.h"

#define SESSIONS	64

struct workqueue_struct *mqk_workqueue;
struct workqueue_struct *mqk_reaper_workqueue;
struct user_namespace init_user_ns;

static struct group_info no_groups;
static struct cred cred = { .group_info = &no_groups, .user_ns = &init_user_ns };
static struct file node = { .f_cred = &cred };

static struct mqk_broker *broker;
static struct mqk_session *sessions[SESSIONS];
static DEFINE_MUTEX(sessions_lock);
static bool threads;
static size_t live_before;

/* ---- what is left out ---- */

struct mqk_window *mqk_window_alloc(void)
{
	struct mqk_window *w = kzalloc(sizeof(*w), GFP_KERNEL);

	return w ?: ERR_PTR(-ENOMEM);
}

void mqk_window_free(struct mqk_window *w)
{
	kfree(w);
}

void mqk_window_show(struct mqk_window *w, struct mqk_segment *seg)
{
	WRITE_ONCE(w->segment, seg);
}

/* ---- the way in ---- */

void kernel_start(uint64_t segment_size, bool with_threads)
{
	struct mqk_broker_options options = {
		.name = "unit",
		.segment_size = segment_size ?: MQK_SEGMENT_SIZE_MIN,
	};

	live_before = shim_live();
	threads = with_threads;
	if (threads)
		shim_work_start();
	broker = mqk_broker_alloc(&options, NULL);
	BUG_ON(IS_ERR(broker));
}

/* As kill_broker() and remove_broker() in dev.c. */
const char *kernel_stop(void)
{
	struct mqk_queue *q;
	unsigned long id;
	u32 i;

	mutex_lock(&broker->mutex);
	if (!list_empty(&broker->sessions)) {
		mutex_unlock(&broker->mutex);
		return "a session is open";
	}
	WRITE_ONCE(broker->dead, true);
	xa_for_each(&broker->queues, id, q) {
		mqk_queue_kill(q);
		mutex_unlock(&broker->mutex);
		mqk_queue_bury(q);
		mutex_lock(&broker->mutex);
	}
	mutex_unlock(&broker->mutex);
	mqk_will_cancel_all(broker);
	mqk_broker_retire(broker);
	if (threads)
		shim_work_stop();
	/* What a grace period frees may queue work, which waits for another. */
	for (i = 0; i < 4; i++) {
		rcu_barrier();
		shim_work_run();
	}
	return shim_live() == live_before ? NULL : "memory is left";
}

int kernel_open(uint32_t access)
{
	struct mqk_session *s;
	int i;

	s = mqk_session_open(mqk_broker_get(broker), &node, access);
	if (IS_ERR(s)) {
		mqk_broker_put(broker);
		return PTR_ERR(s);
	}
	mutex_lock(&sessions_lock);
	for (i = 0; sessions[i]; i++)
		BUG_ON(i == SESSIONS - 1);
	sessions[i] = s;
	mutex_unlock(&sessions_lock);
	return i;
}

void kernel_close(int session)
{
	struct mqk_session *s = sessions[session];

	if (!s)
		return;			/* closed behind its user's back */
	mutex_lock(&sessions_lock);
	sessions[session] = NULL;
	mutex_unlock(&sessions_lock);
	mqk_session_close(s);
}

long kernel_ioctl(int session, unsigned long request, unsigned long arg)
{
	return sessions[session] ? mqk_session_ioctl(sessions[session], request, arg) :
				   -EBADF;
}

static void *map_port(struct mqk_session *s, enum mqk_map kind, u32 id)
{
	struct mqk_port *p = mqk_session_port(s, id);
	void *addr = NULL;

	if (!p)
		return NULL;
	if (kind == MQK_MAP_PORT_PAGE)
		addr = p->kernel_area.vaddr;
	else if (kind == MQK_MAP_PORT_USER)
		addr = p->user_area.vaddr;
	else if (p->window && p->window->segment)
		addr = p->window->segment->vaddr;
	mqk_port_put(p);
	return addr;
}

static void *map_consumer(struct mqk_session *s, enum mqk_map kind, u32 id)
{
	struct mqk_consumer *c = mqk_session_consumer(s, id);
	void *addr;

	if (!c)
		return NULL;
	addr = kind == MQK_MAP_CONSUMER_PAGE ? c->kernel_area.vaddr : c->user_area.vaddr;
	mqk_consumer_put(c);
	return addr;
}

static void *map_segment(struct mqk_session *s, u32 no)
{
	struct file *file;
	void *addr;
	u64 size;

	if (!(s->access & MQK_ACCESS_MAP))
		return NULL;
	file = mqk_segment_file(&s->broker->store, no, &size);
	if (!file)
		return NULL;
	addr = file->memory;
	fput(file);
	return addr;
}

void *kernel_map(int session, uint64_t offset)
{
	struct mqk_session *s = sessions[session];
	enum mqk_map kind = offset >> MQK_MAP_KIND_SHIFT;
	u64 rest = offset & ((1ull << MQK_MAP_KIND_SHIFT) - 1);

	switch (kind) {
	case MQK_MAP_SEGMENT:
		return map_segment(s, rest >> MQK_MAP_SEGMENT_SHIFT);
	case MQK_MAP_PORT_PAGE:
	case MQK_MAP_PORT_USER:
	case MQK_MAP_PORT_WINDOW:
		return map_port(s, kind, rest >> MQK_MAP_ID_SHIFT);
	case MQK_MAP_CONSUMER_PAGE:
	case MQK_MAP_CONSUMER_USER:
		return map_consumer(s, kind, rest >> MQK_MAP_ID_SHIFT);
	}
	return NULL;
}

/* As broker_poll() in dev.c, and do_poll() around it. */
void kernel_poll(int session)
{
	struct mqk_session *s = sessions[session];
	DEFINE_WAIT(wait);

	for (;;) {
		prepare_to_wait(&s->wq, &wait, TASK_INTERRUPTIBLE);
		if (mqk_session_readable(s))
			break;
		schedule();
	}
	finish_wait(&s->wq, &wait);
}

void kernel_work(void)
{
	do
		shim_work_run();
	while (shim_timer_fire(ktime_get_boottime_ns()));
}

void kernel_advance(unsigned int ms)
{
	u64 end = ktime_get_boottime_ns() + ms * 1000000ull;

	while (shim_timer_fire(end)) {
		/* what else was to be at that time comes before what follows from it */
		while (shim_timer_fire(ktime_get_boottime_ns()))
			;
		kernel_work();
	}
	shim_clock_set(end);
}

bool kernel_compact(unsigned long nth)
{
	struct work_struct *work = &broker->store.compactor.work;
	bool failed;

	shim_fail_nth(nth);
	work->func(work);
	failed = shim_failed();
	shim_fail_nth(0);
	return failed;
}

size_t kernel_live(void)
{
	return shim_live() - live_before;
}

int64_t kernel_used(uint32_t resource)
{
	return atomic64_read(&broker->account.used[resource]);
}

__attribute__((no_sanitize("thread")))
static void dump_consumer(const struct mqk_consumer *c)
{
	fprintf(stderr, "  consumer %u:%s flags %#x error %d, position %llu, head %llu (user's %llu), %u of %u unacknowledged, acks %llu (user's %llu), awake %u, %s\n",
		c->id, c->able ? " able" : "", c->page->flags, c->error, c->pos, c->head,
		c->user->head, c->slots.nr, c->prefetch, c->ack_head, c->user->ack_tail,
		c->user->awake, c->wq.nr ? "in WAIT" : c->session_wq->nr ? "in poll" : "runs");
}

/* Without locks: somebody may never let go of one. */
__attribute__((no_sanitize("thread")))
void kernel_dump(void)
{
	struct mqk_consumer *c;
	struct mqk_queue *q;
	struct mqk_port *p;
	unsigned long id;
	int i;

	xa_for_each(&broker->queues, id, q) {
		fprintf(stderr, "queue %u: %llu ready, %llu unacknowledged, %u consumers%s\n",
			q->id, q->ready, q->unacked, q->nr_consumers, q->held ? ", held" : "");
		list_for_each_entry(c, &q->able, link)
			dump_consumer(c);
		list_for_each_entry(c, &q->idle, link)
			dump_consumer(c);
	}
	for (i = 0; i < SESSIONS; i++) {
		if (!sessions[i])
			continue;
		xa_for_each(&sessions[i]->ports, id, p)
			fprintf(stderr, "session %d, port %u: error %d, %llu taken, %llu completions, head %llu (user's %llu), %s\n",
				i, p->id, p->error, p->seq, p->pos, p->head, p->user->head,
				p->wq.nr ? "in WAIT" : "runs");
	}
}
