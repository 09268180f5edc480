// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sequences of inserts, removals, matches and failing allocations. Input: pairs
 * of an operation byte and two bytes that spell a text of a small alphabet.
 */
#include <stdlib.h>
#include <string.h>

#include "shim.h"
#include "topic_model.h"

static void ok(const char *complaint)
{
	if (!complaint)
		return;
	fprintf(stderr, "%s\n", complaint);
	abort();
}

/* Up to five words out of eight, three bits each. */
static unsigned int spell(char *text, unsigned int bits)
{
	static const char *const word[] = { NULL, "a", "b", "*", "#", "", "ab", "a*" };
	unsigned int n = 0;

	text[0] = '\0';
	for (; n < 5 && word[bits & 7]; n++, bits >>= 3) {
		if (n)
			strcat(text, ".");
		strcat(text, word[bits & 7]);
	}
	return strlen(text);
}

static void step(struct model *m, u8 op, const char *text, unsigned int len)
{
	int err;

	switch (op & 3) {
	case 0:
		/* Now and then one of the first allocations fails. */
		shim_fail_nth(op & 4 ? (op >> 3) % 16 : 0);
		ok(model_insert(m, text, len, &err));
		break;
	case 1:
		ok(model_remove(m, text, len));
		break;
	case 2:
		if (m->n)
			ok(model_remove_nth(m, (op >> 2) % m->n));
		break;
	case 3:
		ok(model_match(m, text, len));
		break;
	}
	shim_fail_nth(0);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct model m;
	char text[32];

	ok(model_init(&m, MQK_TOPIC_AMQP));
	for (; size >= 3; data += 3, size -= 3)
		step(&m, data[0], text, spell(text, data[1] | data[2] << 8));
	ok(model_shape(&m));
	ok(model_destroy(&m));
	BUG_ON(shim_live());
	return 0;
}
