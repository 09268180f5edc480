// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segments and their store.
 */
#include "segment.h"

#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/log2.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "account.h"
#include "work.h"

static_assert(MQK_SEGMENT_BIAS % MQK_MESSAGE_GRANT == 0);
static_assert(MQK_SEGMENTS_MAX == 2 * MQK_SEGMENT_JUMBO);

/**
 * mqk_segment_find() - the segment of a number
 * @store: the store
 * @no: any number
 *
 * Context: RCU read side; what is returned is only as safe as the reference to
 * one of its records that the caller holds, or the RCU section.
 * Return: the segment or NULL
 */
struct mqk_segment *mqk_segment_find(struct mqk_store *store, u32 no)
{
	struct mqk_leaf *leaf;

	if (unlikely(no >= MQK_SEGMENTS_MAX))
		return NULL;
	leaf = rcu_dereference_check(store->leaf[no / MQK_SEGMENT_LEAF],
				     lockdep_is_held(&store->lock));
	if (!leaf)
		return NULL;
	return rcu_dereference_check(leaf->segment[no % MQK_SEGMENT_LEAF],
				     lockdep_is_held(&store->lock));
}

static void set_file_size(struct mqk_segment *seg, u64 size)
{
	struct inode *inode = file_inode(seg->file);

	inode_lock(inode);
	i_size_write(inode, size);
	inode_unlock(inode);
}

/* Let go of the pages, also of those that readers have mapped. */
static void strip(struct mqk_segment *seg)
{
	vunmap(seg->vaddr);
	seg->vaddr = NULL;
	while (seg->nr_pages)
		put_page(seg->pages[--seg->nr_pages]);
	kvfree(seg->pages);
	seg->pages = NULL;
	if (!seg->file)
		return;
	/* Whoever still has it mapped gets no fresh pages. */
	set_file_size(seg, 0);
	shmem_truncate_range(file_inode(seg->file), 0, seg->size - 1);
}

static void destroy_segment(struct mqk_segment *seg)
{
	strip(seg);
	if (seg->readers)
		fput(seg->readers);
	if (seg->file)
		fput(seg->file);
	kfree_rcu(seg, rcu);
}

/* Take a segment out of the table and give its number back. */
static void unregister(struct mqk_store *store, struct mqk_segment *seg)
{
	struct mqk_leaf *leaf;

	spin_lock(&store->lock);
	leaf = rcu_dereference_protected(store->leaf[seg->no / MQK_SEGMENT_LEAF],
					 lockdep_is_held(&store->lock));
	RCU_INIT_POINTER(leaf->segment[seg->no % MQK_SEGMENT_LEAF], NULL);
	spin_unlock(&store->lock);
	ida_free(&store->numbers, seg->no);
}

static void reap(struct work_struct *work)
{
	struct mqk_store *store = container_of(work, struct mqk_store, reaper);
	struct mqk_segment *seg, *next;
	LIST_HEAD(doomed);

	spin_lock(&store->lock);
	list_splice_init(&store->doomed, &doomed);
	spin_unlock(&store->lock);

	list_for_each_entry_safe(seg, next, &doomed, link) {
		if (seg->jumbo) {
			unregister(store, seg);
			destroy_segment(seg);
		} else {
			strip(seg);
			spin_lock(&store->lock);
			list_add(&seg->link, &store->empty);
			spin_unlock(&store->lock);
		}
		cond_resched();
	}
}

/**
 * mqk_store_init() - make an empty store
 * @store: the store, zeroed
 * @segment_size: bytes of its segments, a power of two
 */
void mqk_store_init(struct mqk_store *store, u64 segment_size)
{
	spin_lock_init(&store->lock);
	store->segment_size = segment_size;
	store->pool_max = max(2ull, MQK_SEGMENT_POOL_BYTES / segment_size);
	INIT_LIST_HEAD(&store->pool);
	INIT_LIST_HEAD(&store->doomed);
	INIT_LIST_HEAD(&store->empty);
	INIT_LIST_HEAD(&store->closed);
	ida_init(&store->numbers);
	INIT_WORK(&store->reaper, reap);
}

/**
 * mqk_store_destroy() - free a store that has lent nothing any more
 * @store: the store
 *
 * Context: may sleep.
 */
void mqk_store_destroy(struct mqk_store *store)
{
	struct mqk_segment *seg, *next;
	u32 i;

	spin_lock(&store->lock);
	list_splice_init(&store->pool, &store->doomed);
	store->nr_pool = 0;
	spin_unlock(&store->lock);
	queue_work(mqk_workqueue, &store->reaper);
	flush_work(&store->reaper);
	list_for_each_entry_safe(seg, next, &store->empty, link)
		destroy_segment(seg);

	if (store->nr_used)
		pr_err("mqk: leaked %u segments\n", store->nr_used);
	for (i = 0; i < MQK_SEGMENT_DIR; i++)
		kfree(rcu_dereference_protected(store->leaf[i], true));
	ida_destroy(&store->numbers);
}

/* Allocate all pages of a segment now, so that nobody waits for one later. */
static int fill(struct mqk_segment *seg, gfp_t gfp)
{
	struct address_space *mapping = seg->file->f_mapping;
	u32 n = seg->size >> PAGE_SHIFT;

	seg->pages = kvcalloc(n, sizeof(*seg->pages), GFP_KERNEL_ACCOUNT | gfp);
	if (!seg->pages)
		return -ENOMEM;
	mapping_set_unevictable(mapping);
	set_file_size(seg, seg->size);
	for (; seg->nr_pages < n; seg->nr_pages++) {
		struct page *page;

		page = shmem_read_mapping_page_gfp(mapping, seg->nr_pages,
						   mapping_gfp_mask(mapping) |
						   __GFP_NOWARN | gfp);
		if (IS_ERR(page))
			return PTR_ERR(page);
		/* Or reclaim would take it for a page that was never written. */
		set_page_dirty(page);
		seg->pages[seg->nr_pages] = page;
		cond_resched();
	}
	seg->vaddr = vmap(seg->pages, n, VM_MAP, PAGE_KERNEL);
	return seg->vaddr ? 0 : -ENOMEM;
}

static int register_segment(struct mqk_store *store, struct mqk_segment *seg)
{
	struct mqk_leaf *leaf, *fresh = NULL;
	int no, dir;

	if (seg->jumbo)
		no = ida_alloc_range(&store->numbers, MQK_SEGMENT_JUMBO,
				     MQK_SEGMENTS_MAX - 1, GFP_KERNEL_ACCOUNT);
	else
		no = ida_alloc_max(&store->numbers, MQK_SEGMENT_JUMBO - 1,
				   GFP_KERNEL_ACCOUNT);
	if (no < 0)
		return no;
	dir = no / MQK_SEGMENT_LEAF;
	if (!rcu_access_pointer(store->leaf[dir])) {
		fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
		if (!fresh) {
			ida_free(&store->numbers, no);
			return -ENOMEM;
		}
	}

	spin_lock(&store->lock);
	leaf = rcu_dereference_protected(store->leaf[dir],
					 lockdep_is_held(&store->lock));
	if (!leaf) {
		leaf = fresh;
		fresh = NULL;
		rcu_assign_pointer(store->leaf[dir], leaf);
	}
	seg->no = no;
	rcu_assign_pointer(leaf->segment[no % MQK_SEGMENT_LEAF], seg);
	spin_unlock(&store->lock);
	kfree(fresh);
	return 0;
}

static struct mqk_segment *create(struct mqk_store *store, u64 size, gfp_t gfp)
{
	struct mqk_segment *seg = kzalloc(sizeof(*seg), GFP_KERNEL_ACCOUNT);
	int err;

	if (!seg)
		return ERR_PTR(-ENOMEM);
	seg->store = store;
	seg->size = size;
	seg->jumbo = size > store->segment_size;
	seg->file = shmem_file_setup("mqk-segment", size, VM_NORESERVE);
	if (IS_ERR(seg->file)) {
		/* shmem says ENOSPC when it gets no inode, which is no limit */
		err = -ENOMEM;
		seg->file = NULL;
		goto err;
	}
	/* Through a file that cannot write, no mapping is ever upgraded. */
	seg->readers = dentry_open(&seg->file->f_path, O_RDONLY | O_LARGEFILE,
				   current_cred());
	if (IS_ERR(seg->readers)) {
		err = PTR_ERR(seg->readers);
		seg->readers = NULL;
		goto err;
	}
	err = fill(seg, gfp);
	if (err)
		goto err;
	err = register_segment(store, seg);
	if (err)
		goto err;
	return seg;
err:
	destroy_segment(seg);
	return ERR_PTR(err);
}

static struct mqk_segment *from_list(struct mqk_store *store,
				     struct list_head *list, u32 *nr)
{
	struct mqk_segment *seg;

	spin_lock(&store->lock);
	seg = list_first_entry_or_null(list, struct mqk_segment, link);
	if (seg) {
		list_del(&seg->link);
		if (nr)
			(*nr)--;
	}
	spin_unlock(&store->lock);
	return seg;
}

/* Give an empty segment its pages again; NULL when there is none. */
static struct mqk_segment *refill(struct mqk_store *store, gfp_t gfp)
{
	struct mqk_segment *seg = from_list(store, &store->empty, NULL);
	int err;

	if (!seg)
		return NULL;
	err = fill(seg, gfp);
	if (!err)
		return seg;
	strip(seg);
	spin_lock(&store->lock);
	list_add(&seg->link, &store->empty);
	spin_unlock(&store->lock);
	return ERR_PTR(err);
}

/* Generations tell a record from what lay in its place before; 0 is none. */
static u32 next_generation(struct mqk_store *store)
{
	u32 generation;

	spin_lock(&store->lock);
	do {
		generation = ++store->generation;
	} while (!generation);
	store->nr_used++;
	spin_unlock(&store->lock);
	return generation;
}

/*
 * Somebody closed a segment, or was refused one: have it looked whether closed
 * ones can be compacted, as soon as may be.
 */
static void want_compaction(struct mqk_store *store)
{
	unsigned long pause;
	bool sooner;

	spin_lock(&store->lock);
	pause = store->rest;
	sooner = store->pause > pause;
	store->pause = pause;
	if (!store->compacts || store->nr_closed < 2)
		;
	else if (sooner)
		mod_delayed_work(mqk_workqueue, &store->compactor, pause);
	else
		queue_delayed_work(mqk_workqueue, &store->compactor, pause);
	spin_unlock(&store->lock);
}

/* Lend a segment whose bytes are charged to a tenant. */
static struct mqk_segment *lend(struct mqk_store *store, u64 size, bool clear,
				struct mqk_tenant *tenant, gfp_t gfp)
{
	struct mqk_segment *seg = NULL;

	if (size == store->segment_size)
		seg = from_list(store, &store->pool, &store->nr_pool);
	if (!seg) {
		clear = false;
		if (size == store->segment_size)
			seg = refill(store, gfp);
	}
	if (!seg)
		seg = create(store, size, gfp);
	if (IS_ERR(seg)) {
		mqk_uncharge(tenant, MQK_RES_BYTES, size);
		return seg;
	}

	if (clear)
		memset(seg->vaddr, 0, seg->size);
	else
		*(u32 *)seg->vaddr = 0;
	seg->generation = next_generation(store);
	seg->tenant = tenant;
	seg->given = 0;
	atomic_set(&seg->refs, MQK_SEGMENT_BIAS);
	return seg;
}

static u64 segment_bytes(const struct mqk_store *store, u64 size)
{
	return size <= store->segment_size ? store->segment_size :
					     roundup_pow_of_two(size);
}

/**
 * mqk_segment_open() - lend a segment to a writer
 * @store: the store
 * @size: bytes that must fit, at most MQK_MESSAGE_MAX rounded up to a power of
 *	two
 * @clear: overwrite what lay in it: its writer may not read others' messages
 * @tenant: who pays
 * @why: filled when a limit refuses it
 *
 * Context: may sleep.
 * Return: an open segment whose first commit word is 0; ERR_PTR of -EDQUOT,
 * -ENOSPC, -ENOMEM
 */
struct mqk_segment *mqk_segment_open(struct mqk_store *store, u64 size,
				     bool clear, struct mqk_tenant *tenant,
				     struct mqk_refusal *why)
{
	int err;

	size = segment_bytes(store, size);
	err = mqk_charge(tenant, MQK_RES_BYTES, size, why);
	if (err) {
		want_compaction(store);
		return ERR_PTR(err);
	}
	return lend(store, size, clear, tenant, 0);
}

/* The memory cgroup that pays for a segment, with a reference, or NULL. */
static struct mem_cgroup *payer_of(const struct mqk_segment *seg)
{
	struct mem_cgroup *memcg;

	rcu_read_lock();
	memcg = folio_memcg(page_folio(seg->pages[0]));
	if (!mem_cgroup_tryget(memcg))
		memcg = NULL;
	rcu_read_unlock();
	return memcg;
}

/**
 * mqk_segment_open_like() - lend a segment to who moves records out of another
 * @from: the other one, to which the caller holds a reference
 * @size: bytes that must fit, as for mqk_segment_open()
 *
 * The same user and memory cgroup pay, the user beyond its limit if it must be;
 * nobody's memory is taken for it.
 *
 * Context: may sleep.
 * Return: an open segment; ERR_PTR of -EDQUOT, -ENOSPC, -ENOMEM
 */
struct mqk_segment *mqk_segment_open_like(struct mqk_segment *from, u64 size)
{
	struct mqk_store *store = from->store;
	struct mem_cgroup *memcg, *old;
	struct mqk_segment *seg;
	int err;

	size = segment_bytes(store, size);
	err = mqk_overdraw(from->tenant, MQK_RES_BYTES, size);
	if (err)
		return ERR_PTR(err);
	memcg = payer_of(from);
	old = set_active_memcg(memcg);
	seg = lend(store, size, false, from->tenant,
		   __GFP_NORETRY | __GFP_NOWARN);
	set_active_memcg(old);
	mem_cgroup_put(memcg);
	return seg;
}

/* The last reference is gone: nothing points into it any more. */
static void retire(struct mqk_segment *seg)
{
	struct mqk_store *store = seg->store;
	bool reap;

	mqk_uncharge(seg->tenant, MQK_RES_BYTES, seg->size);

	spin_lock(&store->lock);
	store->nr_used--;
	if (!seg->jumbo) {
		list_del(&seg->link);
		store->nr_closed--;
		seg->pass = 0;
	}
	reap = seg->jumbo || store->nr_pool >= store->pool_max;
	if (reap) {
		list_add(&seg->link, &store->doomed);
	} else {
		list_add(&seg->link, &store->pool);
		store->nr_pool++;
	}
	spin_unlock(&store->lock);
	if (reap)
		queue_work(mqk_workqueue, &store->reaper);
}

/* Whole grants in a number of messages, rounded down, also below 0. */
static s32 floor_grants(s32 n)
{
	return n >> ilog2(MQK_MESSAGE_GRANT);
}

/**
 * mqk_segment_close() - end a writer's loan
 * @seg: an open segment that no process can write to any more
 *
 * Context: any.
 */
void mqk_segment_close(struct mqk_segment *seg)
{
	struct mqk_tenant *tenant = seg->tenant;
	struct mqk_store *store = seg->store;
	bool jumbo = seg->jumbo;
	s32 given = seg->given;
	s32 left, rest;

	if (!jumbo) {
		/* Before: whoever drops the last reference takes it out. */
		spin_lock(&store->lock);
		list_add_tail(&seg->link, &store->closed);
		store->nr_closed++;
		seg->judged = U32_MAX;
		spin_unlock(&store->lock);
	}
	left = atomic_sub_return(MQK_SEGMENT_BIAS - given, &seg->refs);
	/*
	 * What is charged and what refs will give back on its way down, a grant
	 * at each multiple, differed by given - BIAS before, whatever was put or
	 * got; now they must be equal.  (left > given after mqk_segment_get().)
	 */
	rest = given - (s32)MQK_MESSAGE_GRANT *
	       (floor_grants(given - left) +
		(s32)DIV_ROUND_UP(left, (s32)MQK_MESSAGE_GRANT));
	mqk_uncharge(tenant, MQK_RES_MESSAGES, rest);
	if (!left)
		retire(seg);
	else if (!jumbo)
		want_compaction(store);
}

/**
 * mqk_segment_get() - add references to records that are referred to already
 * @seg: the segment
 * @n: how many; as many messages were charged to the segment's tenant
 *
 * Context: any; the caller holds a reference.
 */
void mqk_segment_get(struct mqk_segment *seg, u32 n)
{
	u32 now = atomic_add_return(n, &seg->refs);
	s64 grants = DIV_ROUND_UP(now, MQK_MESSAGE_GRANT) -
		     DIV_ROUND_UP(now - n, MQK_MESSAGE_GRANT);

	/* On its way down it will give back this many grants for n messages. */
	mqk_uncharge(seg->tenant, MQK_RES_MESSAGES,
		     (s64)n - grants * (s64)MQK_MESSAGE_GRANT);
}

/**
 * mqk_segment_put_slow() - refs has passed multiples of MQK_MESSAGE_GRANT
 * @seg: the segment; the caller's only if @refs is 0
 * @tenant: who pays for it
 * @refs: what is left
 * @n: how many were put
 *
 * Context: any.
 */
void mqk_segment_put_slow(struct mqk_segment *seg, struct mqk_tenant *tenant,
			  int refs, u32 n)
{
	s64 grants = floor_grants(refs + (s32)n - 1) - floor_grants(refs - 1);

	mqk_uncharge(tenant, MQK_RES_MESSAGES, grants * (s64)MQK_MESSAGE_GRANT);
	if (!refs)
		retire(seg);
}

/**
 * mqk_segment_file() - the file of a segment, for mapping it to read
 * @store: the store
 * @no: any number
 * @size: where its bytes go
 *
 * Return: the file with a reference, or NULL
 */
struct file *mqk_segment_file(struct mqk_store *store, u32 no, u64 *size)
{
	struct file *file = NULL;
	struct mqk_segment *seg;

	rcu_read_lock();
	spin_lock(&store->lock);
	seg = mqk_segment_find(store, no);
	if (seg) {
		*size = seg->size;
		file = get_file(seg->readers);
	}
	spin_unlock(&store->lock);
	rcu_read_unlock();
	return file;
}
