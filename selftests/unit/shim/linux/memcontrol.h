/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_MEMCONTROL_H
#define SHIM_LINUX_MEMCONTROL_H

/* No memory cgroups here. */

#include <linux/mm.h>

struct folio;
struct mem_cgroup;

#define virt_to_page(p)		(p)
#define page_folio(page)	((struct folio *)(page))

static inline struct mem_cgroup *folio_memcg(struct folio *folio)
{
	return NULL;
}

static inline bool mem_cgroup_tryget(struct mem_cgroup *memcg)
{
	return true;
}

static inline void mem_cgroup_put(struct mem_cgroup *memcg)
{
}

#endif
