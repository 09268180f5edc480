// SPDX-License-Identifier: GPL-2.0-only
/*
 * Histories of delivery tags. Input: the size of the table, then a byte for each
 * step.
 */
#include <stdio.h>
#include <stdlib.h>

#include "slots_model.h"

static void ok(const char *complaint)
{
	if (!complaint)
		return;
	fprintf(stderr, "%s\n", complaint);
	abort();
}

static void step(struct slots_model *m, u8 byte)
{
	u32 arg = byte >> 3, nth = m->n ? arg % m->n : 0;

	switch (byte & 7) {
	case 0:
	case 1:
		do
			if (!slots_full(m))
				ok(slots_add(m));
		while (byte & 1 && arg--);
		break;
	case 2:
		if (m->n)
			ok(slots_del(m, nth));
		break;
	case 3:
		if (m->n)
			ok(slots_del(m, m->n - 1 - nth));
		break;
	case 4:
		ok(slots_del_up_to(m, m->n ? m->tag[nth] + (arg & 1) : arg));
		break;
	case 5:
		ok(slots_find(m, m->given - arg));
		break;
	case 6:
		ok(slots_find(m, m->given + m->size - 16 + arg));
		break;
	case 7:
		ok(slots_check(m));
		break;
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct slots_model m;

	if (!size)
		return 0;
	slots_init(&m, 2u << (data[0] & 7), data[0] & 8 ? (1ull << 32) - 100 : 0);
	while (--size)
		step(&m, *++data);
	ok(slots_check(&m));
	ok(slots_destroy(&m));
	return 0;
}
