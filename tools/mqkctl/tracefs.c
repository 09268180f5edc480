// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "number.h"
#include "tracefs.h"

#define SYSTEM		"mqk"
#define PREFIX		"mqkctl."	/* and the number of the process */

static const char *const roots[] = {
	"/sys/kernel/tracing",
	"/sys/kernel/debug/tracing",
};

/* Whether there is a tracefs; else errno tells. */
static bool usable(const char *root)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/events", root);
	return !access(path, R_OK | X_OK);
}

static const char *find_root(struct ctl *ctl)
{
	size_t i;
	int err = ENOENT;

	for (i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		if (usable(roots[i]))
			return roots[i];
		if (errno == EACCES || errno == EPERM)
			err = EACCES;
	}
	if (err == EACCES || geteuid())
		refuse(ctl, "trace: tracefs at %s is for root only; run it as root",
		       roots[0]);
	else
		refuse(ctl, "trace: there is no tracefs at %s; mount it (mount -t tracefs tracefs %s)",
		       roots[0], roots[0]);
	return NULL;
}

static int check_system(struct ctl *ctl, const char *root)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/events/" SYSTEM, root);
	if (!access(path, X_OK))
		return DONE;
	return refuse(ctl, "trace: there are no events " SYSTEM ":* in %s; load the module first (modprobe mqk)",
		      root);
}

/* Remove what runs that were killed have left. */
static void sweep(const char *root)
{
	char path[512];
	struct dirent *e;
	uint64_t pid;
	DIR *d;

	snprintf(path, sizeof(path), "%s/instances", root);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		if (strncmp(e->d_name, PREFIX, strlen(PREFIX)) ||
		    !number_u64(e->d_name + strlen(PREFIX), &pid) ||
		    pid > INT32_MAX || !kill((pid_t)pid, 0) || errno != ESRCH)
			continue;
		snprintf(path, sizeof(path), "%s/instances/%s", root,
			 e->d_name);
		/* One in use, by a process that we cannot see, is busy. */
		rmdir(path);
	}
	if (d)
		closedir(d);
}

int tracefs_open(struct ctl *ctl, struct tracefs *t)
{
	const char *root = find_root(ctl);
	int status;

	if (!root)
		return REFUSED;
	status = check_system(ctl, root);
	if (status)
		return status;
	sweep(root);
	snprintf(t->dir, sizeof(t->dir), "%s/instances/" PREFIX "%ld", root,
		 (long)getpid());
	if (mkdir(t->dir, 0700) && errno != EEXIST)
		return refuse(ctl, "trace: %s: %s%s", t->dir, strerror(errno),
			      errno == EACCES || errno == EPERM ?
			      "; run it as root" : "");
	return DONE;
}

static void list_events(struct ctl *ctl, const struct tracefs *t,
			const char *event)
{
	char path[256], list[1024] = "";
	size_t len = 0;
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "%s/events/" SYSTEM, t->dir);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		if (strncmp(e->d_name, "mqk_", 4) || len >= sizeof(list))
			continue;
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
					len ? ", " : "", e->d_name + 4);
	}
	if (d)
		closedir(d);
	refuse(ctl, "trace: there is no event '%s'; there are %s", event, list);
}

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

int tracefs_enable(struct ctl *ctl, struct tracefs *t, const char *event)
{
	char path[512];
	int err;

	if (!event) {
		snprintf(path, sizeof(path), "%s/events/" SYSTEM "/enable",
			 t->dir);
	} else {
		if (!strncmp(event, "mqk_", 4))
			event += 4;
		if (strchr(event, '/') || strlen(event) > 64)
			goto none;
		snprintf(path, sizeof(path),
			 "%s/events/" SYSTEM "/mqk_%s/enable", t->dir, event);
	}
	err = put(path, "1");
	if (event && err == -ENOENT)
		goto none;
	return err ? refuse(ctl, "trace: %s: %s", path, strerror(-err)) : DONE;
none:
	list_events(ctl, t, event);
	return REFUSED;
}

int tracefs_filter(struct ctl *ctl, struct tracefs *t, const char *broker)
{
	char path[256], filter[64 + MQK_BROKER_NAME_MAX];
	int err;

	if (strlen(broker) > MQK_BROKER_NAME_MAX || strpbrk(broker, "/\"\\"))
		return bad_usage(ctl, "trace: -b takes the name of a broker, not '%s'",
				 broker);
	snprintf(path, sizeof(path), "%s/events/" SYSTEM "/filter", t->dir);
	snprintf(filter, sizeof(filter), "broker == \"%s\"", broker);
	err = put(path, filter);
	return err ? refuse(ctl, "trace: %s: %s", path, strerror(-err)) : DONE;
}

int tracefs_pipe(struct ctl *ctl, struct tracefs *t)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/trace_pipe", t->dir);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		refuse(ctl, "trace: %s: %s", path, strerror(errno));
	return fd;
}

void tracefs_close(struct tracefs *t)
{
	rmdir(t->dir);
}
