// SPDX-License-Identifier: GPL-2.0-only
/*
 * Values of headers, for comparing.  Numbers with a fraction are compared by
 * their bits, since the kernel does not use the floating-point unit.
 */
#include "util/headers.h"

#define DOUBLE_SIGN	(1ull << 63)
#define DOUBLE_EXPONENT	(0x7ffull << 52)

static u64 load_le(const u8 *p, u32 bytes)
{
	u64 v = 0;

	while (bytes--)
		v = v << 8 | p[bytes];
	return v;
}

static s64 load_signed(const u8 *p, u32 bytes)
{
	u32 unused = 64 - 8 * bytes;

	return (s64)(load_le(p, bytes) << unused) >> unused;
}

/* The same number as a double. */
static u64 widen(u32 f)
{
	u64 sign = (u64)(f >> 31) << 63;
	u64 fraction = f & 0x7fffff;
	u32 exponent = f >> 23 & 0xff;

	if (exponent == 0xff)
		return sign | DOUBLE_EXPONENT | fraction << 29;
	if (!exponent && !fraction)
		return sign;
	if (!exponent) {
		/* below the normal floats, but a normal double */
		for (exponent = 1; !(fraction >> 23); exponent--)
			fraction <<= 1;
		fraction &= 0x7fffff;
	}
	return sign | ((u64)exponent + 1023 - 127) << 52 | fraction << 29;
}

static struct mqk_value number(enum mqk_value_class class, u64 number)
{
	return (struct mqk_value){ .class = class, .number = number };
}

static struct mqk_value real(u64 bits)
{
	if ((bits & ~DOUBLE_SIGN) > DOUBLE_EXPONENT)
		return number(MQK_VALUE_NONE, 0);
	return number(MQK_VALUE_REAL, bits == DOUBLE_SIGN ? 0 : bits);
}

/**
 * mqk_value_of() - the value of a header, for comparing
 * @h: the header, checked
 * Return: the value; its text lies in the header
 */
struct mqk_value mqk_value_of(const struct mqk_header_at *h)
{
	switch (h->type) {
	case MQK_HEADER_VOID:
		return number(MQK_VALUE_VOID, 0);
	case MQK_HEADER_BOOL:
		return number(MQK_VALUE_BOOL, h->value[0]);
	case MQK_HEADER_BYTE:
	case MQK_HEADER_SHORT:
	case MQK_HEADER_INT:
	case MQK_HEADER_LONG:
		return number(MQK_VALUE_NUMBER,
			      load_signed(h->value, h->value_len));
	case MQK_HEADER_FLOAT:
		return real(widen(load_le(h->value, 4)));
	case MQK_HEADER_DOUBLE:
		return real(load_le(h->value, 8));
	case MQK_HEADER_STRING:
	case MQK_HEADER_BYTES:
		return (struct mqk_value){
			.class = MQK_VALUE_TEXT,
			.len = h->value_len,
			.text = h->value,
		};
	default:
		return number(MQK_VALUE_NONE, 0);
	}
}
