// SPDX-License-Identifier: GPL-2.0-only
/*
 * Histories of an index. Input: pairs of an operation and an argument.
 */
#include <stdlib.h>
#include <string.h>

#include "index_model.h"

static void ok(const char *complaint)
{
	if (!complaint)
		return;
	fprintf(stderr, "%s\n", complaint);
	abort();
}

static void append(struct index_model *m, bool pass)
{
	bool room;

	ok(model_reserve(m, &room));
	if (!room) {
		ok(model_feed(m));
		ok(model_reserve(m, &room));
	}
	if (pass && model_idle(m) && m->next % 3 == 0) {
		ok(model_unreserve(m));
		ok(model_through(m, 1 + m->next % 61));
	} else if (pass && model_idle(m))
		ok(model_pass(m, false));
	else
		ok(model_append(m));
}

static void step(struct index_model *m, u8 op, u8 arg)
{
	u32 nth = m->nr_taken ? arg % m->nr_taken : 0;
	bool room;

	switch (op % 13) {
	case 0:
		/* as many as a chunk has, in few bytes of input */
		do
			append(m, op & 16);
		while (arg--);
		break;
	case 1:
		do
			ok(model_take(m, op & 16));
		while (arg--);
		break;
	case 2:
		for (; m->nr_taken && nth < m->nr_taken; nth += 1 + (op >> 5))
			ok(model_done(m, nth));
		break;
	case 3:
		if (m->nr_taken)
			ok(model_done(m, nth));
		break;
	case 4:
		if (m->nr_taken)
			ok(model_return(m, nth));
		break;
	case 5:
		for (; nth < m->nr_taken; nth += 1 + (op >> 5))
			ok(model_return(m, nth));
		break;
	case 6:
		ok(model_find(m, m->next * arg / 250, 1 + (op >> 6)));
		break;
	case 7:
		ok(model_find_all(m, m->next * arg / 255, 1 + (op >> 6)));
		break;
	case 8:
		if (m->nr_chunks < 64)
			ok(model_feed(m));
		break;
	case 9:
		ok(model_reserve(m, &room));
		break;
	case 10:
		while (m->reserved)
			ok(model_unreserve(m));
		ok(model_drain(m));
		break;
	case 12:
		ok(model_detach(m, m->first + (m->next - m->first) * arg / 256));
		while (op & 16 && arg-- && m->nr_detached)
			ok(arg % 3 ? model_end_detached(m) : model_attach(m));
		break;
	case 11:
		ok(model_remove(m, m->first + (m->next - m->first) * arg / 256));
		while (op & 16 && arg--)
			ok(model_remove(m, m->first));
		break;
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct index_model m;

	model_init(&m);
	for (; size >= 2 && m.next < MODEL_PLACES - 256; data += 2, size -= 2)
		step(&m, data[0], data[1]);
	ok(model_check(&m));
	ok(model_destroy(&m));
	return 0;
}
