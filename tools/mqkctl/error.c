// SPDX-License-Identifier: GPL-2.0-only
/*
 * What people are told when something does not work: what was refused, by
 * which rule or limit, and what to change.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mqkctl.h"
#include "text.h"

static void error_line(struct ctl *ctl, const char *format, va_list ap)
{
	/* What is printed already comes first where both go to one place. */
	fflush(stdout);
	fprintf(stderr, "mqkctl: %s", ctl->where);
	vfprintf(stderr, format, ap);
	putc('\n', stderr);
}

int refuse(struct ctl *ctl, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	error_line(ctl, format, ap);
	va_end(ap);
	return REFUSED;
}

int bad_usage(struct ctl *ctl, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	error_line(ctl, format, ap);
	va_end(ap);
	return USAGE;
}

int out_of_memory(struct ctl *ctl)
{
	return refuse(ctl, "out of memory");
}

/* The library's sentence, to stand behind a colon. */
static void library_text(const struct mqk_error *e, char *buf, size_t size)
{
	size_t len;

	mqk_error_text(e, buf, size);
	len = strlen(buf);
	if (len && buf[len - 1] == '.')
		buf[len - 1] = '\0';
	buf[0] = (char)tolower((unsigned char)buf[0]);
}

/* Whether the kernel has said more than err; fills *e all the same. */
static bool kernel_reason(struct mqk *m, int err, struct mqk_error *e)
{
	memset(e, 0, sizeof(*e));
	e->size = sizeof(*e);
	if (!m || mqk_last_error(m, e) < 0 || e->error != (uint32_t)-err) {
		memset(e, 0, sizeof(*e));
		e->error = (uint32_t)-err;
	}
	return e->rule != MQK_RULE_NONE;
}

/* "-b NAME " for a command that is proposed, where it matters. */
static char *broker_option(const struct ctl *ctl)
{
	char *option;

	if (!ctl->broker || asprintf(&option, "-b %s ", ctl->broker) < 0)
		return strdup("");
	return option;
}

static int no_exchange(struct ctl *ctl, const char *name, const char *broker)
{
	return refuse(ctl, "exchange '%s': no such exchange; declare it first (mqkctl %sexchange declare %s --type direct|fanout|topic)",
		      name, broker, name);
}

static int no_queue(struct ctl *ctl, const char *name, const char *broker)
{
	return refuse(ctl, "queue '%s': no such queue; declare it first (mqkctl %squeue declare %s)",
		      name, broker, name);
}

static bool nameless(const struct subject *s)
{
	return s->queue && !*s->queue;
}

/* The reason, when the kernel gave none. */
static const char *errno_text(int err, const struct subject *s)
{
	switch (-err) {
	case ENAMETOOLONG:
		return "the name is too long; use at most 255 bytes";
	case EINVAL:
		if (nameless(s))
			return "a queue has a name; use 1 to 255 bytes";
		return s->doing ? "the broker does not take these arguments; correct the name, the options or the arguments" :
				  "the broker does not take this; correct it";
	case EMSGSIZE:
		return "the message is larger than the broker takes; send less in one message (mqkctl stat shows message_max)";
	case ESHUTDOWN:
		return "the broker was removed; open another";
	case EDQUOT:
		return "a limit of this user is reached; release something first (mqkctl stat shows what is in use)";
	case ENOSPC:
		return "a limit of the broker is reached; release something first (mqkctl stat shows what is in use)";
	case EAGAIN:
		return "too many messages wait to be acknowledged; ask for fewer";
	case EACCES:
		return "permission denied; ask the owner for permission";
	default:
		return strerror(-err);
	}
}

static int say(struct ctl *ctl, const struct mqk_error *e, int err,
	       const struct subject *s, const char *broker)
{
	bool about_queue = s->queue && (!s->exchange ||
					e->rule == MQK_RULE_LOCKED);
	const char *noun = about_queue ? "queue" : "exchange";
	const char *name = about_queue ? s->queue : s->exchange;
	char text[MQK_ERROR_TEXT_MAX];

	if (s->exchange && (e->rule == MQK_RULE_NO_EXCHANGE ||
			    (err == -ENOENT && !s->queue)))
		return no_exchange(ctl, s->exchange, broker);
	if (s->queue && (e->rule == MQK_RULE_NO_QUEUE || err == -ENOENT))
		return no_queue(ctl, s->queue, broker);
	if (e->rule != MQK_RULE_NONE)
		library_text(e, text, sizeof(text));
	else
		snprintf(text, sizeof(text), "%s", errno_text(err, s));
	if (!name)
		return refuse(ctl, "%s%s%s", s->doing ? s->doing : "",
			      s->doing ? ": " : "", text);
	if (s->exchange && s->queue)
		return refuse(ctl, "%s exchange '%s', queue '%s': %s",
			      s->doing ? s->doing : "use", s->exchange,
			      s->queue, text);
	return refuse(ctl, "%s%s%s '%s': %s", s->doing ? s->doing : "",
		      s->doing ? " " : "", noun, name, text);
}

int refused(struct ctl *ctl, struct mqk *m, int err,
	    const struct subject *subject)
{
	struct subject s = *subject;
	char *exchange = NULL, *queue = NULL, *broker = broker_option(ctl);
	struct mqk_error e;
	int status;

	/* The library refuses that, and the kernel's last error is another. */
	kernel_reason(err == -EINVAL && nameless(&s) ? NULL : m, err, &e);
	if (s.exchange)
		s.exchange = exchange = text_escape(s.exchange,
						    strlen(s.exchange));
	if (s.queue)
		s.queue = queue = text_escape(s.queue, strlen(s.queue));
	if (!broker || (subject->exchange && !exchange) ||
	    (subject->queue && !queue))
		status = out_of_memory(ctl);
	else
		status = say(ctl, &e, err, &s, broker);
	free(broker);
	free(exchange);
	free(queue);
	return status;
}

static const char *broker_errno_text(int err)
{
	switch (-err) {
	case ENOENT:
		return "no such broker; mqkctl broker list shows those there are, mqkctl broker create makes one";
	case EEXIST:
		return "there is a broker of that name; delete it first, or choose another name";
	case EBUSY:
		return "it has sessions; close them, or use --force to end them";
	case EPERM:
		return "not permitted: a broker is deleted by who made it, and given to others by who may chown";
	case EACCES:
		return "permission denied by the mode of the device node; ask its owner, or become root";
	case EINVAL:
		return "the name, the mode, the segment size or a limit is not valid; a name has 1 to 63 letters, digits, '-', '_' and '.', and is not \"control\"; a segment size is a power of two from 64K to 64M";
	case ENAMETOOLONG:
		return "the name is too long; use at most 63 bytes";
	case ENOSPC:
		return "there are too many brokers or sessions; delete or close some";
	case EDQUOT:
		return "this user has too many sessions; close some";
	case EPROTONOSUPPORT:
		return "the module speaks another version of the interface; use mqkctl and module of one version";
	case ENOTTY:
		return "not the node of a broker";
	case ESHUTDOWN:
		return "the broker was removed";
	default:
		return strerror(-err);
	}
}

/* Where the library's sentence says more than we know. */
static bool tells_more(const struct mqk_error *e)
{
	return e->rule == MQK_RULE_USER_LIMIT ||
	       e->rule == MQK_RULE_BROKER_LIMIT ||
	       e->rule == MQK_RULE_BROKERS || e->rule == MQK_RULE_BAD_NAME ||
	       e->rule == MQK_RULE_DIRECTORY || e->rule == MQK_RULE_SYNC ||
	       e->rule == MQK_RULE_FORMAT || e->rule == MQK_RULE_DAMAGED ||
	       e->rule == MQK_RULE_JOURNAL;
}

int broker_refused(struct ctl *ctl, struct mqk *m, int err, const char *broker,
		   const char *doing)
{
	char *name = text_escape(broker, strlen(broker));
	char text[MQK_ERROR_TEXT_MAX];
	struct mqk_error e;
	int status;

	if (!name)
		return out_of_memory(ctl);
	if (kernel_reason(m, err, &e) && tells_more(&e))
		library_text(&e, text, sizeof(text));
	else
		snprintf(text, sizeof(text), "%s",
			 e.rule == MQK_RULE_BAD_ARGUMENT ?
			 "the mode, the owner, the segment size or a limit is not valid; a segment size is a power of two from 64K to 64M" :
			 broker_errno_text(err));
	status = refuse(ctl, "%s%sbroker '%s': %s", doing ? doing : "",
			doing ? " " : "", name, text);
	free(name);
	return status;
}
