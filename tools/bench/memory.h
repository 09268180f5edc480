/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory of the machine, from /proc, in bytes. */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include <stdint.h>

struct memory {
	int64_t used;		/* not free */
	int64_t segments;	/* of that: shmem */
	int64_t cache;		/* of that: page cache but shmem, buffers */
	int64_t own;		/* of that: this process's, its page tables */
};

void memory_read(struct memory *m);
/* What the kernel has taken for itself from @before to @after. */
int64_t memory_kernel(const struct memory *before, const struct memory *after);

#endif /* BENCH_MEMORY_H */
