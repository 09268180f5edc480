/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ports of sessions, and what became of the messages that went through them.
 */
#ifndef MQKCTL_OUTCOME_H
#define MQKCTL_OUTCOME_H

#include "mqkctl.h"

/**
 * struct outcome - what completions told since ctl_port()
 * @returned: mandatory messages that reached no queue
 * @first_returned: sequence number of the first one of them
 * @nacked: messages that a queue refused
 * @first_nacked: sequence number of the first one of them
 * @error: of the first message that was refused, else 0
 */
struct outcome {
	uint64_t returned;
	uint64_t first_returned;
	uint64_t nacked;
	uint64_t first_nacked;
	int error;
};

/*
 * The port of a session, opened when it is first needed; its outcome is reset.
 * A negative errno, or 0.
 */
int ctl_port(struct ctl *ctl, struct mqk *m, bool confirm,
	     struct mqk_port **port, struct outcome **outcome);

/* The same, a port of its own for a producer; the one before is closed. */
int ctl_producer_port(struct ctl *ctl, struct mqk *m, const char *producer,
		      struct mqk_port **port, struct outcome **outcome);

#endif /* MQKCTL_OUTCOME_H */
