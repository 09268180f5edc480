/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What exchanges and queues have in common when they are listed: mode, owner
 * and flags.
 */
#ifndef MQKCTL_OWNER_H
#define MQKCTL_OWNER_H

#include "json.h"
#include "table.h"

void owner_json(struct json *j, uint32_t mode, uint32_t uid, uint32_t gid);
void owner_cells(struct table *t, uint32_t mode, uint32_t uid, uint32_t gid);
/* MQK_DECLARE_F_* in words. */
void declare_flags_cell(struct table *t, uint32_t flags);

#endif /* MQKCTL_OWNER_H */
