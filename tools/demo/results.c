// SPDX-License-Identifier: GPL-2.0-only
#include "results.h"
#include "input.h"
#include "say.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct results *results_create(const char *path, const char *queue,
			       uint64_t records)
{
	size_t size = sizeof(struct results) + records * sizeof(struct results_entry);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct results *r;

	if (fd < 0 || ftruncate(fd, (off_t)size))
		die(path, errno);
	r = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (r == MAP_FAILED)
		die(path, errno);
	close(fd);
	r->records = records;
	snprintf(r->queue, sizeof(r->queue), "%s", queue);
	r->pid = (uint32_t)getpid();
	atomic_store(&r->magic, RESULTS_MAGIC);
	return r;
}

const struct results *results_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct results *r = MAP_FAILED;
	struct stat st;

	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st) && (size_t)st.st_size >= sizeof(*r))
		r = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (r == MAP_FAILED)
		return NULL;
	if (atomic_load(&r->magic) != RESULTS_MAGIC) {
		munmap(r, (size_t)st.st_size);
		return NULL;
	}
	return r;
}

void results_note(struct results *r, uint64_t id, const void *key, size_t key_len,
		  const void *text, size_t len, int redelivered)
{
	struct results_entry *e;

	r->last_ns = now_ns();
	if (!r->first_ns)
		r->first_ns = r->last_ns;
	if (id >= r->records) {
		r->strange++;
		return;
	}
	e = &r->entry[id];
	e->sum = input_sum(key, key_len, text, len);
	if (redelivered) {
		e->flagged++;
		r->flagged++;
	} else {
		e->plain++;
	}
	if (id < r->next)
		r->disorder++;
	r->next = id + 1;
	r->bytes += len;
	atomic_fetch_add(&r->messages, 1);
}

void results_acked(struct results *r, uint64_t id)
{
	if (id < r->records)
		r->entry[id].acked++;
	/* The mark before the acknowledgement, whoever reads it. */
	atomic_thread_fence(memory_order_seq_cst);
}
