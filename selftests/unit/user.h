/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_USER_H
#define UNIT_USER_H

/*
 * libmqk on the module in this process: the linker sends its system calls to
 * kernel.h (--wrap). The tests use the library's own interface.
 */

#ifdef SHIM_WEAK
#include "shim/weak.h"
#endif
#include "libmqk/consumer.h"
#include "libmqk/port.h"
#ifdef SHIM_WEAK
#include "shim/weak_end.h"
#endif

#define NODE	"/unit/node"

/*
 * Open a port. A window shows one segment after the other at one address; here
 * each has its own address, so the library must map it anew, which it does for
 * ports that are opened here.
 */
int user_port_open(struct mqk *m, const struct mqk_port_opts *opts, struct mqk_port **p);
void user_port_close(struct mqk_port *p);

/* poll(2) on the session, for ever. */
void user_poll(struct mqk *m);

/* System calls so far. */
unsigned long user_calls(void);

#endif
