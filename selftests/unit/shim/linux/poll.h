/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_POLL_H
#define SHIM_LINUX_POLL_H

#include <sys/epoll.h>

#include <linux/wait.h>

typedef unsigned int __poll_t;

#endif
