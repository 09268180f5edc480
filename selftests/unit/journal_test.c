// SPDX-License-Identifier: GPL-2.0-only
/*
 * Journals on a disk whose power is cut, that fails, or that is damaged: what was
 * confirmed is there, nothing else is, in the order in which it came.
 *
 * The history of a journal is a sequence of notes.  What is read back must be what
 * some beginning of that sequence says, and that beginning must reach at least to the
 * last note that was confirmed.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/err.h>
#include <linux/mqk_log.h>
#include <linux/workqueue.h>

#include "accounts.h"
#include "disk.h"
#include "kmod/checkpoint.h"
#include "kmod/journal.h"
#include "kmod/limits.h"
#include "random.h"
#include "shim.h"
#include "test.h"
#include "tools/mqk-fsck/format.h"
#include "util/log.h"

#define MAX	4096u

/* What is declared: an id, and a number that each change raises. */
struct item {
	u64 id;
	u32 version;
};

struct state {
	struct item item[MAX];
	u32 nr;
};

/* A note of the history. */
struct step {
	u64 id;
	u32 version;		/* 0: gone */
};

static struct payer payer;
static struct mqk_journal *journal;
static struct mqk_log_super super;
static struct mqk_definition *live[MAX];
static u32 nr_live;
static struct step history[MAX];
static u32 nr_steps, confirmed;
static u32 base;		/* definitions that the history begins with */
static struct state start;

/* ---- definitions ---- */

static u32 version_of(const struct mqk_definition *def)
{
	const struct mqk_log_definition *d = (const void *)(def->whole + MQK_LOG_BARE);

	return le32_to_cpu(d->mode) + 1;
}

/*
 * Any length of a name, but often the same: so what is written in front of what a torn
 * tail has left may fit to it.
 */
static u32 name_len(struct random *r)
{
	return random_below(r, 4) ? 8 : 1 + random_below(r, 255);
}

/* A queue whose mode is its version. */
static struct mqk_definition *begin(u32 version, u32 len)
{
	struct mqk_log_definition *d;
	struct mqk_definition *def;

	def = mqk_definition_begin(journal, mqk_log_definition_size(len, 0),
				   &payer.tenant, NULL);
	if (IS_ERR(def))
		return def;
	d = (void *)(def->whole + MQK_LOG_BARE);
	def->record.size = cpu_to_le32(mqk_log_definition_size(len, 0));
	def->record.type = cpu_to_le16(MQK_LOG_QUEUE);
	d->mode = cpu_to_le32(version - 1);
	d->name_len = len;
	memset(d + 1, 'q', len);
	return def;
}

static void note_step(u64 id, u32 version)
{
	if (nr_steps == MAX)
		abort();
	history[nr_steps++] = (struct step){ id, version };
}

static int declare_one(struct random *r)
{
	struct mqk_definition *def = begin(1, name_len(r));

	if (IS_ERR(def))
		return PTR_ERR(def);
	mqk_definition_put(def, NULL);
	live[nr_live++] = def;
	note_step(le64_to_cpu(def->record.id), 1);
	return 0;
}

static int change_one(struct random *r, u32 i)
{
	struct mqk_definition *def;

	def = begin(version_of(live[i]) + 1, name_len(r));
	if (IS_ERR(def))
		return PTR_ERR(def);
	mqk_definition_put(def, live[i]);
	live[i] = def;
	note_step(le64_to_cpu(def->record.id), version_of(def));
	return 0;
}

static void forget_one(u32 i)
{
	note_step(le64_to_cpu(live[i]->record.id), 0);
	mqk_definition_forget(live[i]);
	live[i] = live[--nr_live];
}

/* ---- the broker's life ---- */

static bool make(void)
{
	struct mqk_dir *dir = mqk_dir_open(0, true, NULL);

	nr_live = nr_steps = confirmed = 0;
	start.nr = base = 0;
	payer_init(&payer);
	memset(&super, 0, sizeof(super));
	super.uuid[3] = 42;
	super.segment_size = cpu_to_le64(65536);
	if (IS_ERR(dir))
		return false;
	journal = mqk_journal_make(dir, "unit", &super, NULL);
	if (!IS_ERR(journal))
		return true;
	mqk_dir_close(dir);
	journal = NULL;
	return false;
}

static void end(bool cut)
{
	u32 i;

	if (!cut) {
		mqk_journal_close(journal);
		CHECK(!disk_in_use());
	} else {
		/* its memory is gone; what waits is carried out in it only */
		disk_power(false);
		mqk_journal_close(journal);
		disk_power(true);
	}
	for (i = 0; i < nr_live; i++)
		mqk_definition_forget(live[i]);
	mqk_journal_free(journal);
	journal = NULL;
	CHECK(payer_idle(&payer));
}

/* Read; errno.  What is there goes to @s, in order. */
static int reopen(struct state *s, bool begin_too)
{
	struct mqk_dir *dir = mqk_dir_open(0, false, NULL);
	struct mqk_definition *def;
	struct mqk_refusal why = {};
	int err;

	if (IS_ERR(dir))
		return PTR_ERR(dir);
	journal = mqk_journal_read(dir, "unit", &super, &why);
	if (IS_ERR(journal)) {
		err = PTR_ERR(journal);
		journal = NULL;
		mqk_dir_close(dir);
		return err;
	}
	s->nr = nr_live = 0;
	payer_init(&payer);
	list_for_each_entry(def, &journal->in_order, in_order) {
		s->item[s->nr++] = (struct item){ le64_to_cpu(def->record.id),
						  version_of(def) };
		mqk_definition_charge(def, &payer.tenant, NULL);
		live[nr_live++] = def;
	}
	if (!begin_too) {
		end(false);
		return 0;
	}
	err = mqk_journal_begin(journal, &why);
	if (err)
		end(false);
	return err;
}

/* ---- what must be ---- */

static void apply(struct state *s, const struct step *step)
{
	u32 i;

	for (i = 0; i < s->nr && s->item[i].id != step->id; i++)
		;
	if (!step->version) {
		memmove(&s->item[i], &s->item[i + 1],
			(--s->nr - i) * sizeof(s->item[0]));
		return;
	}
	if (i == s->nr)
		s->nr++;
	s->item[i] = (struct item){ step->id, step->version };
}

static bool same(const struct state *a, const struct state *b)
{
	u32 i;

	if (a->nr != b->nr)
		return false;
	for (i = 0; i < a->nr; i++)
		if (a->item[i].id != b->item[i].id ||
		    a->item[i].version != b->item[i].version)
			return false;
	return true;
}

/* Whether it is what a beginning of the history says that is long enough. */
static const char *explain(const struct state *got, u32 at_least)
{
	static struct state s;
	u32 i;

	s = start;
	for (i = 0;; i++) {
		if (i >= at_least && same(&s, got))
			return NULL;
		if (i == nr_steps)
			return "what is read back is no state that was";
		apply(&s, &history[i]);
	}
}

/* The history so far is the past. */
static void begin_again(const struct state *s)
{
	start = *s;
	nr_steps = confirmed = 0;
}

/* Does the other reader say the same? */
static const char *agree(int err, const struct state *got)
{
	struct journal j[2];
	struct super s;
	const char *bad = NULL;
	uint8_t *bytes;
	size_t len;
	int i, use;
	bool good;

	bytes = disk_bytes(MQK_DIR_SUPER, &len);
	good = super_read(bytes, len, &s) == SUPER_GOOD;
	if (!good)
		return err ? NULL : "mqk-fsck does not take the super file";
	for (i = 0; i < 2; i++) {
		bytes = disk_bytes(MQK_DIR_JOURNAL + i, &len);
		if (!journal_read(bytes, len, s.uuid, &j[i], NULL, NULL))
			return "no memory";
	}
	use = j[1].state == JOURNAL_WHOLE &&
	      (j[0].state != JOURNAL_WHOLE || j[1].generation > j[0].generation);
	good = j[use].state == JOURNAL_WHOLE &&
	       (j[use].end == END_CLEAN || j[use].end == END_TORN);
	if (good != !err)
		bad = "mqk-fsck does not judge as the kernel does";
	else if (good && j[use].nr_live != got->nr)
		bad = "mqk-fsck finds more or less";
	for (i = 0; good && !bad && i < got->nr; i++)
		if (j[use].live[i].id != got->item[i].id ||
		    j[use].live[i].mode + 1 != got->item[i].version)
			bad = "mqk-fsck finds something else";
	journal_free(&j[0]);
	journal_free(&j[1]);
	return bad;
}

/* ---- histories ---- */

/* One thing that happens to a journal; false when it refuses. */
static bool happen(struct random *r)
{
	u32 what = random_below(r, 100);
	int err = 0;

	if (what < 45 || !nr_live)
		err = declare_one(r);
	else if (what < 60)
		err = change_one(r, random_below(r, nr_live));
	else if (what < 85)
		forget_one(random_below(r, nr_live));
	else if (what < 88)
		mqk_checkpoint_write(journal);
	else if (what < 90)
		disk_settle();
	if (!err && what >= 70 && !mqk_journal_flush(journal, NULL))
		confirmed = nr_steps;
	return !err;
}

static struct state got;

static void test_empty(void)
{
	disk_reset();
	CHECK(make());
	end(false);
	CHECK_EQ(reopen(&got, false), 0);
	CHECK_EQ(got.nr, 0);
	CHECK_OK(agree(0, &got));
	/* there is one now */
	CHECK_EQ(PTR_ERR(mqk_dir_open(0, true, NULL)), -EEXIST);
	CHECK_EQ(shim_live(), 0);
}

static void test_in_use(void)
{
	disk_reset();
	CHECK(make());
	CHECK_EQ(reopen(&got, false), -EBUSY);
	end(false);
}

static void test_close(void)
{
	struct random r = random_from(1);
	u32 round, i;

	disk_reset();
	CHECK(make());
	for (round = 0; round < 300; round++) {
		for (i = random_below(&r, 40); i--;)
			CHECK(happen(&r));
		end(false);
		CHECK_EQ(reopen(&got, true), 0);
		CHECK_OK(explain(&got, nr_steps));
		CHECK_OK(agree(0, &got));
		begin_again(&got);
	}
	end(false);
	CHECK_EQ(shim_live(), 0);
}

static void test_cut(void)
{
	struct random r = random_from(2);
	u32 round, i;

	disk_reset();
	CHECK(make());
	for (round = 0; round < 3000; round++) {
		for (i = random_below(&r, 30); i--;)
			CHECK(happen(&r));
		/* some of it was on its way */
		if (random_below(&r, 2))
			shim_work_run();
		disk_cut(&r);
		end(true);
		disk_cut(&r);
		CHECK_EQ(reopen(&got, true), 0);
		CHECK_OK(explain(&got, confirmed));
		CHECK_OK(agree(0, &got));
		begin_again(&got);
		while (nr_live > 200)
			forget_one(0);
	}
	end(false);
	CHECK_EQ(shim_live(), 0);
}

/*
 * What a torn tail has left fits to what is written in front of it later: it must not
 * be there any more.
 */
static void test_tail(void)
{
	u64 at;
	u32 i;

	disk_reset();
	CHECK(make());
	at = journal->at;
	for (i = 0; i < 3; i++) {
		live[nr_live] = begin(1, 8);
		mqk_definition_put(live[nr_live++], NULL);
	}
	CHECK_EQ(mqk_journal_flush(journal, NULL), 0);
	end(true);
	/* of the three, in one batch, the first did not get there */
	disk_bytes(MQK_DIR_JOURNAL, &(size_t){ 0 })[at + MQK_LOG_BARE] ^= 1;
	CHECK_EQ(reopen(&got, true), 0);
	CHECK_EQ(got.nr, 0);
	live[nr_live] = begin(1, 8);
	mqk_definition_put(live[nr_live++], NULL);
	CHECK_EQ(mqk_journal_flush(journal, NULL), 0);
	end(true);
	CHECK_EQ(reopen(&got, false), 0);
	CHECK_EQ(got.nr, 1);
	CHECK_OK(agree(0, &got));
	CHECK_EQ(shim_live(), 0);
}

/* The power is cut while a broker is made: it is there, and empty, or was never. */
static void test_cut_making(void)
{
	struct random r = random_from(3);
	unsigned long n;
	int err;

	for (n = 1; n < 400; n++) {
		disk_reset();
		disk_fail_nth(1 + n % 12, n % 3 ? -EIO : -ENOSPC);
		if (make())
			end(false);
		disk_fail_nth(0, 0);
		if (random_below(&r, 2))
			disk_cut(&r);
		err = reopen(&got, false);
		CHECK(err == -ENOENT || err == -EUCLEAN || (!err && !got.nr));
		/* torn only where the one write was that makes it */
		CHECK(err != -EUCLEAN || n % 12 + 1 >= 9);
	}
	CHECK_EQ(shim_live(), 0);
}

/* Each operation of the disk fails once; then nothing is confirmed that is not there. */
static void test_fail(void)
{
	struct random r = random_from(4);
	unsigned long n;
	u32 i, poisoned = 0;

	for (n = 1; n < 1500; n++) {
		disk_reset();
		CHECK(make());
		disk_fail_nth(1 + n % 120, n % 3 ? -EIO : -ENOSPC);
		for (i = 0; i < 80; i++)
			if (!happen(&r) && mqk_journal_error(journal, NULL))
				break;
		disk_fail_nth(0, 0);
		if (mqk_journal_error(journal, NULL)) {
			poisoned++;
			/* for good */
			CHECK_EQ(PTR_ERR(begin(1, 1)), -EIO);
			CHECK_EQ(mqk_journal_flush(journal, NULL), -EIO);
		}
		if (random_below(&r, 2)) {
			disk_cut(&r);
			end(true);
			disk_cut(&r);
		} else {
			end(false);
		}
		CHECK_EQ(reopen(&got, false), 0);
		CHECK_OK(explain(&got, confirmed));
		CHECK_OK(agree(0, &got));
	}
	CHECK(poisoned > 100);
	CHECK_EQ(shim_live(), 0);
}

/* Each byte of a journal that was closed, damaged: found, or it says the same. */
static void test_damage(void)
{
	struct random r = random_from(5);
	unsigned int f, found = 0, tried = 0;
	static struct state whole;
	size_t len, at;
	uint8_t *copy;
	int err;
	u32 i;

	disk_reset();
	CHECK(make());
	for (i = 0; i < 40; i++)
		CHECK(happen(&r));
	end(false);
	CHECK_EQ(reopen(&whole, false), 0);
	for (f = MQK_DIR_SUPER; f < MQK_DIR_FILES; f++) {
		uint8_t *bytes = disk_bytes(f, &len);

		copy = malloc(len + 1);
		memcpy(copy, bytes, len);
		for (at = 0; at < len; at++) {
			uint8_t was = copy[at];

			copy[at] ^= 1 << random_below(&r, 8);
			disk_replace(f, copy, len);
			err = reopen(&got, false);
			CHECK_OK(agree(err, &got));
			CHECK(err == -EUCLEAN || (!err && same(&got, &whole)));
			/* only the note of the end may be lost */
			CHECK(err || at + sizeof(struct mqk_log_record) >= len);
			found += err == -EUCLEAN;
			tried++;
			copy[at] = was;
		}
		disk_replace(f, copy, len);
		free(copy);
	}
	test_note("%u of %u damaged bytes found, the others in the note of the end", found, tried);
	CHECK_EQ(shim_live(), 0);
}

/* A journal that ends anywhere. */
static void test_truncated(void)
{
	struct random r = random_from(6);
	unsigned int f;
	uint8_t *copy;
	size_t len, at;
	int err;
	u32 i;

	disk_reset();
	CHECK(make());
	for (i = 0; i < 40; i++)
		CHECK(happen(&r));
	end(false);
	for (f = MQK_DIR_JOURNAL; f < MQK_DIR_FILES; f++) {
		uint8_t *bytes = disk_bytes(f, &len);

		copy = malloc(len + 1);
		memcpy(copy, bytes, len);
		for (at = len + 1; at--;) {
			disk_replace(f, copy, at);
			err = reopen(&got, false);
			CHECK_OK(agree(err, &got));
			CHECK(!err || err == -EUCLEAN);
			if (!err)
				CHECK_OK(explain(&got, 0));
		}
		disk_replace(f, copy, len);
		free(copy);
	}
}

/* No memory, at each place. */
static void test_no_memory(void)
{
	struct random r = random_from(7);
	unsigned long n;
	bool failed = true;
	int err;
	u32 i;

	disk_reset();
	CHECK(make());
	for (i = 0; i < 30; i++)
		CHECK(happen(&r));
	end(false);
	for (n = 1; failed; n++) {
		shim_fail_nth(n);
		err = reopen(&got, false);
		failed = shim_failed();
		shim_fail_nth(0);
		CHECK_EQ(err, failed ? -ENOMEM : 0);
		CHECK(!disk_in_use());
		CHECK_EQ(shim_live(), 0);
	}
	CHECK(n > 10);
}

/* Files grow to a bounded multiple of what they say. */
static void test_bounded(void)
{
	struct random r = random_from(8);
	size_t len, most = 0;
	u32 i, f;

	disk_reset();
	CHECK(make());
	for (i = 0; i < 60000; i++) {
		CHECK_EQ(declare_one(&r), 0);
		forget_one(nr_live - 1);
		CHECK_EQ(mqk_journal_flush(journal, NULL), 0);
		nr_steps = 0;
		for (f = MQK_DIR_JOURNAL; f < MQK_DIR_FILES; f++) {
			disk_bytes(f, &len);
			most = len > most ? len : most;
		}
	}
	CHECK(most < 2 * MQK_JOURNAL_SLACK);
	CHECK(journal->generation > 3);
	end(false);
}

static const struct test tests[] = {
	{ "a new broker is there when it is opened", test_empty },
	{ "a directory is open once", test_in_use },
	{ "close and open", test_close },
	{ "power cut at any time", test_cut },
	{ "what a torn tail leaves is gone", test_tail },
	{ "power cut, or failure, while it is made", test_cut_making },
	{ "each operation of the disk fails", test_fail },
	{ "each byte damaged", test_damage },
	{ "truncated anywhere", test_truncated },
	{ "no memory to read it", test_no_memory },
	{ "files are bounded", test_bounded },
};

TEST_MAIN(tests)
