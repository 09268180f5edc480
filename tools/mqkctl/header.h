/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Headers of messages and arguments of declarations.
 *
 * On the command line: NAME=VALUE is a string, NAME:TYPE=VALUE has a type, of
 * bool, byte, short, int, long, float, double, string, bytes (base64),
 * timestamp (seconds since 1970), void and array (strings with commas between
 * them).
 */
#ifndef MQKCTL_HEADER_H
#define MQKCTL_HEADER_H

#include "args.h"
#include "json.h"

/*
 * Encode all uses of an option into h, whose buffer is malloc'ed; or NULL.  With
 * OPT_HEADER, the further keys, too: CC and BCC.
 */
int headers_build(struct ctl *ctl, const struct args *args, enum opt opt,
		  struct mqk_headers *h);
/* Message flags that the options ask for: MQK_MSG_F_CC or 0. */
uint32_t headers_flags(const struct args *args);
/* Have a buffer for more of them; false: no memory. */
bool headers_room(struct mqk_headers *h);
void headers_free(struct mqk_headers *h);

/*
 * A member "headers", or called otherwise; "headers_types" with the types of
 * those whose values do not tell; and, where texts are not exact
 * (or the headers are malformed), "headers_base64" with the encoded form.
 */
void headers_json(struct json *j, const char *name, const void *headers,
		  size_t len);
/* Lines for people, each header, as one would write them on the command line. */
void headers_print(FILE *f, const void *headers, size_t len);
/* The same, all in one line, malloc'ed; "" for none; NULL: no memory. */
char *headers_text(const void *headers, size_t len);

#endif /* MQKCTL_HEADER_H */
