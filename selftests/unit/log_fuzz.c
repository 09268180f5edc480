// SPDX-License-Identifier: GPL-2.0-only
/*
 * Journals of any bytes, for the kernel's reader and mqk-fsck's: both must stay inside,
 * and judge the same.  Input: a byte for each record that tells what it is like, then what
 * it holds; most have right checksums, or nothing behind would ever be looked at.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/err.h>
#include <linux/mqk_log.h>

#include "accounts.h"
#include "disk.h"
#include "kmod/journal.h"
#include "tools/mqk-fsck/format.h"
#include "util/log.h"

static _Alignas(8) u8 image[1 << 16];
static struct mqk_log_super super;

/* Bytes of the record; what lies behind its head is the input's. */
static u32 record(const u8 **data, size_t *size, u8 *to, u64 *seq, u32 seed)
{
	struct mqk_log_record *r = (void *)to;
	u8 what = (*data)[0], more = (*data)[1];
	u32 len = (more & 63) * 8;

	*data += 2;
	*size -= 2;
	if (len > *size)
		len = *size & ~7u;
	*r = (struct mqk_log_record) {
		.size = cpu_to_le32(MQK_LOG_BARE + len),
		.type = cpu_to_le16(what % 8),
		.id = cpu_to_le64(what % 8 == MQK_LOG_CLOSED ? 0 : what >> 3),
	};
	if (what % 8 == MQK_LOG_READY)
		r->id = cpu_to_le64(1 + (what >> 3));
	memcpy(to + MQK_LOG_BARE, *data, len);
	*data += len;
	*size -= len;
	mqk_log_record_seal(r, seed, *seq, more & 64 ? *seq - 1 : 0);
	++*seq;
	if (more & 128)
		to[more & 31] ^= 1 << (what & 7);
	return MQK_LOG_BARE + len;
}

static size_t build(const u8 *data, size_t size, u32 seed)
{
	size_t at = sizeof(struct mqk_log_head);
	u64 seq = 7;

	mqk_log_head_fill((void *)image, seed, 3, seq);
	while (size >= 2 && at < sizeof(image) - 1024)
		at += record(&data, &size, image + at, &seq, seed);
	if (size)
		image[at++] = *data;
	return at;
}

static int kernel_reads(struct mqk_journal **j)
{
	struct mqk_dir *dir = mqk_dir_open(0, false, NULL);
	struct mqk_log_super got;

	*j = mqk_journal_read(dir, "fuzz", &got, NULL);
	if (!IS_ERR(*j))
		return 0;
	mqk_dir_close(dir);
	return PTR_ERR(*j);
}

static void same(struct mqk_journal *j, const struct journal *other)
{
	struct mqk_definition *def;
	size_t n = 0;

	list_for_each_entry(def, &j->in_order, in_order) {
		if (n == other->nr_live ||
		    other->live[n].id != le64_to_cpu(def->record.id) ||
		    other->live[n].size != le32_to_cpu(def->record.size))
			abort();
		n++;
	}
	if (n != other->nr_live)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mqk_journal *j;
	struct journal other;
	u32 seed;
	size_t len;
	bool good;
	int err;

	disk_reset();
	memset(&super, 0, sizeof(super));
	super.segment_size = cpu_to_le64(65536);
	mqk_log_super_seal(&super);
	disk_replace(MQK_DIR_SUPER, &super, sizeof(super));
	seed = mqk_log_seed(super.uuid);
	len = build(data, size, seed);
	disk_replace(MQK_DIR_JOURNAL, image, len);

	err = kernel_reads(&j);
	if (!journal_read(image, len, super.uuid, &other, NULL, NULL))
		abort();
	good = other.state == JOURNAL_WHOLE &&
	       (other.end == END_CLEAN || other.end == END_TORN);
	if (good != !err || (err && err != -EUCLEAN)) {
		fprintf(stderr, "the kernel says %d, mqk-fsck %d %d at %llu\n", err,
			other.state, other.end, (unsigned long long)other.at);
		abort();
	}
	if (!err) {
		same(j, &other);
		mqk_journal_close(j);
		mqk_journal_free(j);
	}
	journal_free(&other);
	return 0;
}
