// SPDX-License-Identifier: GPL-2.0-only
/*
 * will: hold a session with a last will until a signal.
 *
 * SIGINT and SIGTERM are a goodbye; when the process dies otherwise, the will is
 * published, at once or after --after.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "commands.h"
#include "header.h"
#include "json.h"
#include "number.h"
#include "property.h"

/* Until one of them comes. */
static void wait_for_signal(const sigset_t *set)
{
	int sig;

	sigwait(set, &sig);
}

static void say_holding(struct ctl *ctl)
{
	struct json j;

	if (ctl->json) {
		json_begin(&j, stdout);
		json_bool(&j, "holding", true);
		json_end(&j);
	} else {
		puts("holding");
	}
	fflush(stdout);
}

static int hold(struct ctl *ctl, const struct args *args,
		struct mqk_message *msg, uint64_t delay)
{
	struct subject subject = { .exchange = args->pos[0],
				   .doing = "publish to" };
	struct mqk *m = ctl_session(ctl, ACCESS_WRITE);
	sigset_t set, old;
	int err;

	if (!m)
		return REFUSED;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &old);
	err = mqk_exchange_id(m, args->pos[0], &msg->exchange);
	if (!err)
		err = mqk_will(m, msg, delay);
	if (!err) {
		say_holding(ctl);
		wait_for_signal(&set);
		err = mqk_will(m, NULL, 0);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	return err < 0 ? refused(ctl, m, err, &subject) : DONE;
}

int will(struct ctl *ctl, const struct args *args)
{
	struct mqk_message msg = {
		.key = (uintptr_t)args->pos[1],
		.key_len = (uint8_t)strlen(args->pos[1]),
		.payload = (uintptr_t)args->pos[2],
		.payload_len = (uint32_t)strlen(args->pos[2]),
	};
	const char *after = args_value(args, OPT_AFTER);
	struct mqk_headers h;
	double seconds = 0;
	int status;

	if (strlen(args->pos[1]) > MQK_KEY_MAX)
		return refuse(ctl, "will: the key is too long; use at most %d bytes",
			      MQK_KEY_MAX);
	if (after && !number_seconds(after, &seconds))
		return bad_usage(ctl, "--after %s: give a number of seconds, such as 0.5",
				 after);
	status = headers_build(ctl, args, OPT_HEADER, &h);
	if (status)
		return status;
	status = properties_build(ctl, args, &msg, &h);
	if (!status) {
		msg.headers = (uintptr_t)h.buf;
		msg.headers_len = (uint16_t)h.len;
		status = hold(ctl, args, &msg, (uint64_t)(seconds * 1e9));
	}
	headers_free(&h);
	return status;
}
