/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What reading a broker's node shows: its exchanges and queues, a line each.
 */
#ifndef MQK_SHOW_H
#define MQK_SHOW_H

#include <linux/seq_file.h>

extern const struct seq_operations mqk_show_ops;

#endif /* MQK_SHOW_H */
