// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lines of trace_pipe:
 *
 *	           cat-1234    [001] d..2.   987.654321: mqk_publish: a=1 b=x
 *
 * The name of the task may hold blanks and dashes, so it ends before the last
 * dash in front of the processor.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "text.h"
#include "traceline.h"

/**
 * struct event - a line in parts
 */
struct event {
	char *task;
	long pid;
	long cpu;
	double time;
	char *name;
	char *fields;
};

/* The blank before "[CPU]"; a task may be called "a [b]", but not "[7]". */
static char *find_cpu(char *line)
{
	char *p = line;

	while ((p = strstr(p, " ["))) {
		if (p[2 + strspn(p + 2, "0123456789")] == ']')
			return p;
		p++;
	}
	return NULL;
}

/* Takes the line apart in its place. */
static bool parse(char *line, struct event *e)
{
	char *cpu = find_cpu(line);
	char *dash, *end, *p;

	if (!cpu)
		return false;
	*cpu = '\0';
	dash = strrchr(line, '-');
	if (!dash)
		return false;
	*dash = '\0';
	e->task = line + strspn(line, " ");
	e->pid = strtol(dash + 1, NULL, 10);
	e->cpu = strtol(cpu + 2, &end, 10);
	/* Flags, then the time up to a colon. */
	p = strstr(end, ": ");
	if (!p)
		return false;
	*p = '\0';
	dash = strrchr(end, ' ');
	if (!dash)
		return false;
	e->time = strtod(dash + 1, NULL);
	e->name = p + 2 + strspn(p + 2, " ");
	p = strstr(e->name, ":");
	if (!p)
		return false;
	*p = '\0';
	e->fields = p + 1 + strspn(p + 1, " ");
	return true;
}

static bool is_number(const char *s)
{
	size_t n = strspn(s + (*s == '-'), "0123456789");

	/* A leading zero would make it no JSON number. */
	return n && n < 18 && !s[n + (*s == '-')] &&
	       (n == 1 || s[*s == '-'] != '0');
}

static void fields_json(struct json *j, char *fields)
{
	char *word, *equals, *save = NULL;

	json_open(j, "fields", '{');
	for (word = strtok_r(fields, " ", &save); word;
	     word = strtok_r(NULL, " ", &save)) {
		equals = strchr(word, '=');
		if (!equals) {
			json_bool(j, word, true);
			continue;
		}
		*equals = '\0';
		if (is_number(equals + 1))
			json_i64(j, word, strtoll(equals + 1, NULL, 10));
		else
			json_string(j, word, equals + 1);
	}
	json_close(j, '}');
}

static void line_json(char *line)
{
	struct event e;
	struct json j;
	char *text = strdup(line);

	json_begin(&j, stdout);
	if (parse(line, &e)) {
		json_double(&j, "time", e.time, 15);
		json_i64(&j, "cpu", e.cpu);
		json_string(&j, "task", e.task);
		json_i64(&j, "pid", e.pid);
		json_string(&j, "event", e.name);
		fields_json(&j, e.fields);
	} else {
		json_string(&j, "text", text ? text : "");
	}
	json_end(&j);
	free(text);
}

void trace_line(bool json, const char *line, size_t len)
{
	char *copy = json ? strndup(line, len) : text_escape(line, len);

	if (copy && json)
		line_json(copy);
	else if (copy)
		puts(copy);
	free(copy);
}
