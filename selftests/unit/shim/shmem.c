// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files in memory, their pages and how the kernel sees them.
 */
#include <linux/shmem_fs.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <linux/err.h>
#include <linux/file.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

struct file *shmem_file_setup(const char *name, s64 size, unsigned long flags)
{
	struct file *file = kzalloc(sizeof(*file), GFP_KERNEL);

	if (!file)
		return ERR_PTR(-ENOMEM);
	file->f_mapping = &file->mapping;
	file->mapping.file = file;
	file->inode.file = file;
	file->inode.i_size = size;
	file->f_path.file = file;
	file->size = size;
	file->memory = aligned_alloc(PAGE_SIZE, PAGE_ALIGN(size));
	file->present = calloc(PAGE_ALIGN(size) >> PAGE_SHIFT, 1);
	file->refs = 1;
	return file;
}

struct file *dentry_open(const struct path *path, int flags, const struct cred *cred)
{
	void *token = kmalloc(1, GFP_KERNEL);

	kfree(token);
	return token ? get_file(path->file) : ERR_PTR(-ENOMEM);
}

struct file *get_file(struct file *file)
{
	__atomic_add_fetch(&file->refs, 1, __ATOMIC_SEQ_CST);
	return file;
}

void fput(struct file *file)
{
	if (__atomic_sub_fetch(&file->refs, 1, __ATOMIC_SEQ_CST))
		return;
	free(file->memory);
	free(file->present);
	kfree(file);
}

struct page *shmem_read_mapping_page_gfp(struct address_space *mapping, size_t index, gfp_t gfp)
{
	struct file *file = mapping->file;
	struct page *page = kmalloc(sizeof(*page), GFP_KERNEL);

	BUG_ON(index >= file->inode.i_size >> PAGE_SHIFT);
	if (!page)
		return ERR_PTR(-ENOMEM);
	if (!file->present[index])
		memset(file->memory + (index << PAGE_SHIFT), 0, PAGE_SIZE);
	file->present[index] = true;
	page->file = get_file(file);
	page->index = index;
	return page;
}

struct page *alloc_page(gfp_t gfp)
{
	return kzalloc(sizeof(struct page), gfp);
}

void put_page(struct page *page)
{
	if (page->file)
		fput(page->file);
	kfree(page);
}

void shmem_truncate_range(struct inode *inode, s64 first, s64 last)
{
	struct file *file = inode->file;

	BUG_ON(first || last != (s64)file->size - 1);
	memset(file->memory, 0xdb, file->size);
	memset(file->present, false, file->size >> PAGE_SHIFT);
}

/* What vunmap() has to free: memory that belongs to no file. */
struct mapping {
	struct mapping *next;
	void *addr;
};

static struct mapping *mappings;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *map_anonymous(unsigned int n)
{
	struct mapping *m = kmalloc(sizeof(*m), GFP_KERNEL);

	if (!m)
		return NULL;
	m->addr = aligned_alloc(PAGE_SIZE, n * PAGE_SIZE);
	memset(m->addr, 0, n * PAGE_SIZE);
	pthread_mutex_lock(&lock);
	m->next = mappings;
	mappings = m;
	pthread_mutex_unlock(&lock);
	return m->addr;
}

void *vmap(struct page **pages, unsigned int n, unsigned long flags, int prot)
{
	struct file *file = pages[0]->file;
	unsigned int i;
	void *token;

	if (!file)
		return map_anonymous(n);
	BUG_ON(n != file->size >> PAGE_SHIFT);
	for (i = 0; i < n; i++)
		BUG_ON(pages[i]->file != file || pages[i]->index != i);
	/* to fail like the rest, and to be missed */
	token = kmalloc(1, GFP_KERNEL);
	kfree(token);
	return token ? file->memory : NULL;
}

void vunmap(const void *addr)
{
	struct mapping **link, *m;

	pthread_mutex_lock(&lock);
	for (link = &mappings; *link && (*link)->addr != addr; link = &(*link)->next)
		;
	m = *link;
	if (m)
		*link = m->next;
	pthread_mutex_unlock(&lock);
	if (!m)
		return;
	free(m->addr);
	kfree(m);
}
