/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An instance of tracefs, made for one run and removed behind it.
 */
#ifndef MQKCTL_TRACEFS_H
#define MQKCTL_TRACEFS_H

#include "mqkctl.h"

/**
 * struct tracefs - an instance
 * @dir: its directory
 */
struct tracefs {
	char dir[128];
};

/* Exit statuses; what is wrong is printed. */
int tracefs_open(struct ctl *ctl, struct tracefs *t);
/* Enable an event ("publish" or "mqk_publish"), or all with NULL. */
int tracefs_enable(struct ctl *ctl, struct tracefs *t, const char *event);
/* Only what this broker does from now on; its name is well-formed. */
int tracefs_filter(struct ctl *ctl, struct tracefs *t, const char *broker);
/* A descriptor of trace_pipe that does not block, or -1. */
int tracefs_pipe(struct ctl *ctl, struct tracefs *t);
void tracefs_close(struct tracefs *t);

#endif /* MQKCTL_TRACEFS_H */
