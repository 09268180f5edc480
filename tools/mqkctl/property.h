/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * --property KEY=VALUE: properties of a message.
 *
 * A row of the table in property.c for each.  Most of them are headers with
 * names that all agree upon (MQK_PROPERTY_*); what lies in the head of a message
 * has a function that sets it there.
 */
#ifndef MQKCTL_PROPERTY_H
#define MQKCTL_PROPERTY_H

#include "args.h"
#include "json.h"

/*
 * Take all uses of --property: what lies in the head goes to msg, headers behind
 * those that h has, whose buffer is malloc'ed if there was none.  DONE, or USAGE
 * with the reason printed, or REFUSED: no memory.
 */
int properties_build(struct ctl *ctl, const struct args *args,
		     struct mqk_message *msg, struct mqk_headers *h);

/* Whether a header is a property. */
bool property_is(const struct mqk_header_view *v);
/* A member "properties" with those that are there; nothing when there are none. */
void properties_json(struct json *j, const struct mqk_msg *msg);

#endif /* MQKCTL_PROPERTY_H */
