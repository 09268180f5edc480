// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"

/* Digits up to *end; blanks and signs are no digits. */
static bool digits(const char *text, int base, char **end, uint64_t *value)
{
	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*value = strtoull(text, end, base);
	return !errno && *end != text;
}

bool number_u64(const char *text, uint64_t *value)
{
	char *end;

	return digits(text, 10, &end, value) && !*end;
}

bool number_i64(const char *text, int64_t min, int64_t max, int64_t *value)
{
	bool negative = *text == '-';
	uint64_t v, most = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
	char *end;

	text += negative || *text == '+';
	if (!digits(text, 10, &end, &v) || *end || v > most)
		return false;
	if (negative)
		*value = v ? -(int64_t)(v - 1) - 1 : 0;
	else
		*value = (int64_t)v;
	return *value >= min && *value <= max;
}

bool number_size(const char *text, uint64_t *value)
{
	static const char units[] = "KMGT";
	unsigned int shift = 0;
	const char *unit;
	char *end;

	if (!digits(text, 10, &end, value))
		return false;
	if (*end) {
		unit = strchr(units, toupper((unsigned char)*end));
		if (!unit || end[1])
			return false;
		shift = 10 * (unsigned int)(unit - units + 1);
	}
	if (*value > UINT64_MAX >> shift)
		return false;
	*value <<= shift;
	return true;
}

bool number_mode(const char *text, uint32_t *value)
{
	uint64_t v;
	char *end;

	if (!digits(text, 8, &end, &v) || *end || v > 0777)
		return false;
	*value = (uint32_t)v;
	return true;
}

bool number_double(const char *text, double *value)
{
	char *end;

	if (!*text || isspace((unsigned char)*text))
		return false;
	errno = 0;
	*value = strtod(text, &end);
	return !*end && !(errno == ERANGE && isinf(*value));
}

bool number_seconds(const char *text, double *value)
{
	return number_double(text, value) && *value >= 0 &&
	       *value <= 365 * 86400.0;
}
