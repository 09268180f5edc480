/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MODEL_DRIVER_H
#define MODEL_DRIVER_H

/*
 * A broker that histories are run against. What a step did is told as text, the
 * same for the same behaviour: first what the call returned, then for each
 * port, in order, what it was told, for each consumer what it got, for each
 * queue, in order of names, how many messages are where. Messages are numbered
 * by the step that published them; tags do not appear, since only their order
 * is promised.
 */

#include <stdbool.h>

#include "step.h"

struct driver {
	const char *name;
	/* A broker with nothing in it but what every broker has. */
	void *(*open)(void);
	/* @nr: number of the step */
	void (*apply)(void *broker, const struct step *step, unsigned int nr, struct text *out);
	/* What came of the last step is not promised; NULL: always is. */
	bool (*undecided)(void *broker);
	void (*close)(void *broker);
};

extern const struct driver model_driver;

#endif
