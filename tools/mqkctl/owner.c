// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>

#include <mqk/mqk.h>

#include "owner.h"

void owner_json(struct json *j, uint32_t mode, uint32_t uid, uint32_t gid)
{
	json_mode(j, mode);
	json_u64(j, "uid", uid);
	json_u64(j, "gid", gid);
}

void owner_cells(struct table *t, uint32_t mode, uint32_t uid, uint32_t gid)
{
	table_text(t, "%04" PRIo32, mode);
	table_text(t, "%" PRIu32 ":%" PRIu32, uid, gid);
}

void declare_flags_cell(struct table *t, uint32_t flags)
{
	static const struct {
		uint32_t flag;
		const char *text;
	} texts[] = {
		{ MQK_DECLARE_F_DURABLE, "durable" },
		{ MQK_DECLARE_F_AUTO_DELETE, "auto-delete" },
		{ MQK_DECLARE_F_INTERNAL, "internal" },
		{ MQK_DECLARE_F_EXCLUSIVE, "exclusive" },
		{ MQK_QUEUE_F_PAUSED, "paused" },
	};
	char all[64] = "";
	size_t i, len = 0;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!(flags & texts[i].flag) || len >= sizeof(all))
			continue;
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s",
					len ? "," : "", texts[i].text);
	}
	table_text(t, "%s", len ? all : "-");
}
