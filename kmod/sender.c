// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a message claims of its sender.
 */
#include "sender.h"

#include <linux/mqk.h>
#include <linux/unaligned.h>

#include "util/headers.h"

/**
 * mqk_sender_honest() - whether headers name no other user than who publishes
 * @headers: encoded headers, checked, which nobody changes meanwhile
 * @len: bytes of them
 * @uid: who publishes, in the initial user namespace
 *
 * Context: any.
 * Return: true if so
 */
bool mqk_sender_honest(const u8 *headers, u32 len, u32 uid)
{
	struct mqk_header_at h;

	while (mqk_header_next(&headers, &len, &h))
		if (h.type == MQK_HEADER_LONG &&
		    mqk_header_is(&h, MQK_PROPERTY_USER_ID) &&
		    get_unaligned_le64(h.value) != uid)
			return false;
	return true;
}
