/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_STRING_H
#define SHIM_LINUX_STRING_H

#include <string.h>

/* What fits, always with a 0 at the end. */
#define strscpy(to, from, size)	((void)snprintf(to, size, "%s", from))

#endif
