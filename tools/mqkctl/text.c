// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* Bytes of a character and the bits of its first byte; 0: not a first byte. */
static size_t utf8_head(unsigned char c, uint32_t *bits)
{
	if (c < 0x80) {
		*bits = c;
		return 1;
	}
	if (c >= 0xc2 && c < 0xe0) {
		*bits = c & 0x1f;
		return 2;
	}
	if (c >= 0xe0 && c < 0xf0) {
		*bits = c & 0x0f;
		return 3;
	}
	if (c >= 0xf0 && c < 0xf5) {
		*bits = c & 0x07;
		return 4;
	}
	return 0;
}

size_t utf8_next(const unsigned char *s, size_t len, uint32_t *cp)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t i, n = utf8_head(s[0], cp);

	if (!n || n > len)
		return 0;
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*cp = *cp << 6 | (s[i] & 0x3f);
	}
	if (*cp < least[n] || *cp > 0x10ffff || (*cp >= 0xd800 && *cp < 0xe000))
		return 0;
	return n;
}

bool utf8_valid(const void *s, size_t len)
{
	const unsigned char *p = s;
	uint32_t cp;
	size_t n;

	for (; len; p += n, len -= n) {
		n = utf8_next(p, len, &cp);
		if (!n)
			return false;
	}
	return true;
}

/* Whether a terminal shows it, and only it. */
static bool harmless(uint32_t cp)
{
	return cp >= 0x20 && cp != 0x7f && !(cp >= 0x80 && cp < 0xa0) &&
	       cp != 0x61c && !(cp >= 0x200b && cp <= 0x200f) &&
	       !(cp >= 0x2028 && cp <= 0x202e) &&
	       !(cp >= 0x2060 && cp <= 0x206f) && cp != 0xfeff;
}

/* Bytes at s that may be printed as they are, 0: escape one byte. */
static size_t plain(const unsigned char *s, size_t len)
{
	uint32_t cp;
	size_t n = utf8_next(s, len, &cp);

	return n && harmless(cp) ? n : 0;
}

char *text_escape(const void *text, size_t len)
{
	const unsigned char *s = text;
	char *out, *p;
	size_t n;

	if (len > SIZE_MAX / 4 - 1)
		return NULL;
	p = out = malloc(4 * len + 1);
	if (!out)
		return NULL;
	for (; len; s += n, len -= n) {
		n = plain(s, len);
		if (*s == '\\') {
			*p++ = '\\';
			*p++ = '\\';
		} else if (n) {
			memcpy(p, s, n);
			p += n;
		} else {
			p += sprintf(p, "\\x%02x", *s);
			n = 1;
		}
	}
	*p = '\0';
	return out;
}

char *text_name(const char *name)
{
	return text_word(name, strlen(name));
}

char *text_word(const void *word, size_t len)
{
	char *escaped = text_escape(word, len);
	char *quoted, *p;
	const char *s;

	if (!escaped || (len && !strpbrk(escaped, " \"'\\")))
		return escaped;
	p = quoted = malloc(2 * strlen(escaped) + 3);
	if (quoted) {
		*p++ = '"';
		for (s = escaped; *s; s++) {
			if (*s == '"')
				*p++ = '\\';
			*p++ = *s;
		}
		*p++ = '"';
		*p = '\0';
	}
	free(escaped);
	return quoted;
}

size_t text_columns(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

void text_print(FILE *f, const void *text, size_t len, const char *indent)
{
	const unsigned char *s = text;
	size_t n;

	fputs(indent, f);
	for (; len; s += n, len -= n) {
		n = plain(s, len);
		if (n) {
			fwrite(s, 1, n, f);
			continue;
		}
		n = 1;
		if (*s == '\n') {
			putc('\n', f);
			if (len > 1)
				fputs(indent, f);
		} else if (*s == '\t') {
			putc('\t', f);
		} else {
			fprintf(f, "\\x%02x", *s);
		}
	}
}

static const char digits64[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_print(FILE *f, const void *text, size_t len)
{
	const unsigned char *s = text;
	uint32_t v;

	for (; len >= 3; s += 3, len -= 3) {
		v = (uint32_t)s[0] << 16 | (uint32_t)s[1] << 8 | s[2];
		putc(digits64[v >> 18], f);
		putc(digits64[v >> 12 & 63], f);
		putc(digits64[v >> 6 & 63], f);
		putc(digits64[v & 63], f);
	}
	if (!len)
		return;
	v = (uint32_t)s[0] << 16 | (len > 1 ? (uint32_t)s[1] << 8 : 0);
	putc(digits64[v >> 18], f);
	putc(digits64[v >> 12 & 63], f);
	putc(len > 1 ? digits64[v >> 6 & 63] : '=', f);
	putc('=', f);
}

long base64_decode(const char *s, unsigned char *out)
{
	size_t len = strcspn(s, "=");
	size_t pad = strlen(s + len);
	uint32_t v = 0;
	long n = 0;
	size_t i;

	if (len % 4 == 1 || (pad && (len + pad) % 4) || pad > 2 ||
	    strspn(s + len, "=") != pad)
		return -1;
	for (i = 0; i < len; i++) {
		const char *d = strchr(digits64, s[i]);

		if (!d)
			return -1;
		v = v << 6 | (uint32_t)(d - digits64);
		if (i % 4)
			out[n++] = (unsigned char)(v >> (6 - 2 * (i % 4)));
	}
	return n;
}
