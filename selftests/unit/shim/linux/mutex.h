/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_MUTEX_H
#define SHIM_LINUX_MUTEX_H

#include <pthread.h>

#include <linux/lockdep.h>

struct mutex {
	pthread_mutex_t lock;
	struct lockdep_map dep_map;
};

#define DEFINE_MUTEX(name)	struct mutex name = { .lock = PTHREAD_MUTEX_INITIALIZER }

static inline void mutex_init(struct mutex *m)
{
	pthread_mutex_init(&m->lock, NULL);
	m->dep_map.owner = NULL;
}

static inline void mutex_destroy(struct mutex *m)
{
	pthread_mutex_destroy(&m->lock);
}

static inline void mutex_lock(struct mutex *m)
{
	BUG_ON(lockdep_is_held(m));
	pthread_mutex_lock(&m->lock);
#ifdef SHIM_WEAK
	weak_fence();
#endif
	shim_write(m->dep_map.owner, (const void *)&shim_self);
}

static inline bool mutex_trylock(struct mutex *m)
{
	if (pthread_mutex_trylock(&m->lock))
		return false;
#ifdef SHIM_WEAK
	weak_fence();
#endif
	shim_write(m->dep_map.owner, (const void *)&shim_self);
	return true;
}

static inline void mutex_unlock(struct mutex *m)
{
	lockdep_assert_held(m);
	shim_write(m->dep_map.owner, (const void *)NULL);
	pthread_mutex_unlock(&m->lock);
}

#endif
