// SPDX-License-Identifier: GPL-2.0-only
/*
 * mqk-demo-topology: make the broker of the demo with its topic exchange and
 * the queues that a file names (QUEUE PATTERN... on each line), or remove it.
 */
#include "say.h"

#include <mqk.h>
#include <stdio.h>
#include <string.h>

#define BLANKS	" \t\n"

static void add_queue(struct mqk *m, char *line)
{
	char *save, *queue = strtok_r(line, BLANKS, &save), *pattern;
	int err;

	if (!queue || *queue == '#')
		return;
	err = mqk_queue_declare(m, queue, NULL, NULL);
	if (err)
		die_mqk(m, queue, err);
	while ((pattern = strtok_r(NULL, BLANKS, &save))) {
		err = mqk_bind(m, "packages", queue, MQK_STR(pattern), NULL, 0);
		if (err)
			die_mqk(m, pattern, err);
	}
}

static void create(struct mqk *control, const char *broker, const char *path)
{
	FILE *f = fopen(path, "r");
	char line[1024];
	struct mqk *m;
	int err;

	if (!f)
		die(path, errno);
	err = mqk_broker_create(control, broker, NULL);
	if (err)
		die_mqk(control, broker, err);
	err = mqk_open(broker, 0, &m);
	if (err)
		die(broker, err);
	err = mqk_exchange_declare(m, "packages", MQK_EXCHANGE_TOPIC, NULL, NULL);
	if (err)
		die_mqk(m, "packages", err);
	while (fgets(line, sizeof(line), f))
		add_queue(m, line);
	fclose(f);
	mqk_close(m);
}

int main(int argc, char **argv)
{
	struct mqk *control;
	int err;

	if (argc != 4 && argc != 3)
		usage("create BROKER QUEUES | delete BROKER");
	err = mqk_control_open(&control);
	if (err)
		die("/dev/mqk/control", err);
	if (argc == 4 && !strcmp(argv[1], "create")) {
		create(control, argv[2], argv[3]);
	} else if (argc == 3 && !strcmp(argv[1], "delete")) {
		err = mqk_broker_delete(control, argv[2], MQK_BROKER_DELETE_F_FORCE);
		if (err)
			die_mqk(control, argv[2], err);
	} else {
		usage("create BROKER QUEUES | delete BROKER");
	}
	mqk_close(control);
	return 0;
}
