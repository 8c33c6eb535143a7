// SPDX-License-Identifier: GPL-2.0
/* What debugfs shows of a known state. */
#include "pks_test.h"
#include <linux/delay.h>
#include <linux/sched.h>
#include <linux/string.h>

/* A thread called pks-sleeper that sleeps with @part open. */
static struct pks_actor *pks_debugfs_sleeper(struct kunit *test,
					     struct pks_part *part,
					     enum pks_access access)
{
	struct pks_actor *actor = pks_actor(test, "pks-sleeper", -1);

	part->pkey = pks_test_key(test, 0);
	part->page = pks_test_page(test, part->pkey);
	part->access = access;
	pks_actor_do(test, actor, pks_part_open, part);
	return actor;
}

static const char *pks_debugfs_line(struct kunit *test, const char *file,
				    const char *word)
{
	return pks_line_with(test, pks_file_read(test, file), word);
}

/* @line is there and has @word in it. */
static void pks_debugfs_expect(struct kunit *test, const char *line,
			       const char *word)
{
	KUNIT_EXPECT_TRUE_MSG(test, line && strstr(line, word),
			      "no '%s' in '%s'", word, line ?: "(no line)");
}

static void pks_debugfs_keys(struct kunit *test)
{
	int quiet = pks_test_key(test, 0);
	int open = pks_key_alloc("vault", PKS_FLAG_SHARED |
				 PKS_FLAG_DEFAULT_READONLY);
	const char *line;
	char start[16];

	KUNIT_ASSERT_GT(test, open, 0);
	line = pks_debugfs_line(test, "keys", "vault");
	snprintf(start, sizeof(start), "%3d  r", open);
	pks_debugfs_expect(test, line, start);
	pks_debugfs_expect(test, line, "shared,readonly");
	pks_debugfs_expect(test, line, "vault (pks_kunit)");

	line = pks_debugfs_line(test, "keys", "test (pks_kunit)");
	snprintf(start, sizeof(start), "%3d  -", quiet);
	pks_debugfs_expect(test, line, start);
	pks_debugfs_expect(test, line, "exclusive");

	pks_key_free(open);
	KUNIT_EXPECT_NULL(test, pks_debugfs_line(test, "keys", "vault"));
}

/* Whoever calls itself like a line of a table has none of its own making. */
static void pks_debugfs_names(struct kunit *test)
{
	struct pks_part part = {
		.pkey	= pks_test_key(test, 0),
		.access	= PKS_READWRITE,
	};
	struct pks_actor *actor = pks_actor(test, "me\n 1 \x1b[2J\xe9", -1);

	part.page = pks_test_page(test, part.pkey);
	pks_actor_do(test, actor, pks_part_open, &part);
	KUNIT_EXPECT_NOT_NULL(test, pks_debugfs_line(test, "threads",
						     "  me? 1 ?[2J?  "));
	KUNIT_EXPECT_NOT_NULL(test, pks_debugfs_line(test, "matrix", "me? 1 ?[2J?["));
	pks_actor_do(test, actor, pks_part_close, &part);
}

/* It is there with what it holds and what it waits in, and goes again. */
static void pks_debugfs_threads(struct kunit *test)
{
	struct pks_part part;
	struct pks_actor *actor = pks_debugfs_sleeper(test, &part,
						      PKS_READWRITE);
	const char *line;
	char text[16];
	int i;

	line = pks_debugfs_line(test, "threads", "pks-sleeper");
	snprintf(text, sizeof(text), "%7d  pks-s", pks_actor_task(actor)->pid);
	pks_debugfs_expect(test, line, text);
	snprintf(text, sizeof(text), " %d:w", part.pkey);
	pks_debugfs_expect(test, line, text);
	/* The first of its functions that is none of the scheduler's, once it waits. */
	for (i = 0; i < 100 && line && !strstr(line, "in pks_actor_main"); i++) {
		msleep(20);
		line = pks_debugfs_line(test, "threads", "pks-sleeper");
	}
	if (IS_ENABLED(CONFIG_STACKTRACE) && IS_ENABLED(CONFIG_KPROBES))
		pks_debugfs_expect(test, line, "in pks_actor_main");

	pks_actor_do(test, actor, pks_part_close, &part);
	KUNIT_EXPECT_NULL(test, pks_debugfs_line(test, "threads",
						 "pks-sleeper"));
}

static void pks_debugfs_running(struct kunit *test)
{
	unsigned int cpu = pks_other_cpu(test);
	struct pks_actor *actor = pks_actor(test, "pks-spinner", cpu);
	struct pks_part part = {
		.pkey = pks_test_key(test, 0),
		.access = PKS_READONLY,
	};
	char on_cpu[16], holds[8];
	const char *line;

	part.page = pks_test_page(test, part.pkey);
	/* If there is no debugfs, the case ends here and not in the middle. */
	pks_file_read(test, "status");
	pks_actor_begin(actor, pks_part_spin, &part);
	KUNIT_EXPECT_TRUE(test, pks_sleep_until(&part.ready));
	line = pks_debugfs_line(test, "threads", "pks-spinner");
	snprintf(on_cpu, sizeof(on_cpu), "on CPU %u", cpu);
	snprintf(holds, sizeof(holds), " %d:r", part.pkey);
	pks_debugfs_expect(test, line, on_cpu);
	pks_debugfs_expect(test, line, holds);

	/* The same in the rows of the CPUs. */
	snprintf(on_cpu, sizeof(on_cpu), "\n%3u  on", cpu);
	line = pks_debugfs_line(test, "cpus", on_cpu + 1);
	pks_debugfs_expect(test, line, holds);
	snprintf(on_cpu, sizeof(on_cpu), "cpu %u ", cpu);
	line = pks_debugfs_line(test, "matrix", on_cpu);
	pks_debugfs_expect(test, line, " r");
	WRITE_ONCE(part.stop, true);
	KUNIT_EXPECT_TRUE(test, pks_actor_wait(actor));
}

static char pks_debugfs_cell(const char *line)
{
	return line && *line ? line[strlen(line) - 1] : 0;
}

/* One key, so the last column is its. */
static void pks_debugfs_matrix(struct kunit *test)
{
	struct pks_part part;
	struct pks_actor *actor = pks_debugfs_sleeper(test, &part,
						      PKS_READWRITE);
	const char *text = pks_file_read(test, "matrix");

	pks_debugfs_expect(test, pks_line_with(test, text, "key"), "1");
	KUNIT_EXPECT_EQ(test, '-',
			pks_debugfs_cell(pks_line_with(test, text, "default")));
	KUNIT_EXPECT_EQ(test, '-',
			pks_debugfs_cell(pks_line_with(test, text, "cpu 0")));
	KUNIT_EXPECT_EQ(test, 'w',
			pks_debugfs_cell(pks_line_with(test, text,
						       "pks-sleeper[")));

	pks_actor_do(test, actor, pks_part_close, &part);
	part.access = PKS_READONLY;
	pks_actor_do(test, actor, pks_part_open, &part);
	KUNIT_EXPECT_EQ(test, 'r',
			pks_debugfs_cell(pks_debugfs_line(test, "matrix",
							  "pks-sleeper[")));
	pks_key_set_default(part.pkey, PKS_READONLY);
	KUNIT_EXPECT_NULL(test, pks_debugfs_line(test, "matrix", "pks-sleeper["));
	KUNIT_EXPECT_EQ(test, 'r',
			pks_debugfs_cell(pks_debugfs_line(test, "matrix",
							  "default")));
}

static unsigned int pks_debugfs_number(struct kunit *test, const char *word)
{
	const char *line = pks_debugfs_line(test, "status", word);
	unsigned int n = ~0;

	if (line)
		sscanf(line + strlen(word), "%u", &n);
	return n;
}

static unsigned int pks_debugfs_holders(struct kunit *test)
{
	const char *line = pks_debugfs_line(test, "status", "records:");
	unsigned int records, holders = ~0;

	if (line)
		sscanf(line, "records: %u, of which %u", &records, &holders);
	return holders;
}

static void pks_debugfs_status(struct kunit *test)
{
	unsigned int resets = pks_debugfs_number(test, "resets:");
	unsigned int holders = pks_debugfs_holders(test);
	struct pks_actor *actor;
	struct pks_part part;
	char cpus[32];

	snprintf(cpus, sizeof(cpus), "set on %u of %u", num_online_cpus(),
		 num_online_cpus());
	pks_debugfs_expect(test, pks_debugfs_line(test, "status", "PKS:"), "on");
	pks_debugfs_expect(test, pks_debugfs_line(test, "status", "CR4.PKS:"),
			   cpus);
	pks_debugfs_expect(test, pks_debugfs_line(test, "status", "default"),
			   "0x55555554");

	actor = pks_debugfs_sleeper(test, &part, PKS_READWRITE);
	KUNIT_EXPECT_EQ(test, pks_debugfs_holders(test), holders + 1);
	pks_actor_do(test, actor, pks_part_close, &part);
	KUNIT_EXPECT_EQ(test, pks_debugfs_holders(test), holders);
	pks_key_set_default(part.pkey, PKS_READONLY);
	KUNIT_EXPECT_EQ(test, pks_debugfs_number(test, "resets:"), resets + 1);
	pks_debugfs_expect(test, pks_debugfs_line(test, "status", "default"),
			   "0x55555558");
}

/* Counters are for everyone, what names tasks and functions for root. */
static void pks_debugfs_modes(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, pks_file_mode(test, "status"), 0444);
	KUNIT_EXPECT_EQ(test, pks_file_mode(test, "keys"), 0444);
	KUNIT_EXPECT_EQ(test, pks_file_mode(test, "cpus"), 0444);
	KUNIT_EXPECT_EQ(test, pks_file_mode(test, "matrix"), 0444);
	KUNIT_EXPECT_EQ(test, pks_file_mode(test, "threads"), 0400);
	KUNIT_EXPECT_EQ(test, pks_file_mode(test, "irq_isolation"), 0644);
}

#define PKS_DEBUGFS_ISOLATION	"/sys/kernel/debug/pks/irq_isolation"

static void pks_debugfs_irq_isolation(struct kunit *test)
{
	static const char *const garbage[] = { "2", "-1", "on", "''" };
	char command[80];
	int i;

	pks_isolation_needed(test);
	for (i = 0; i < ARRAY_SIZE(garbage); i++) {
		snprintf(command, sizeof(command),
			 "echo %s >" PKS_DEBUGFS_ISOLATION, garbage[i]);
		KUNIT_EXPECT_NE_MSG(test, pks_shell(test, command), 0, "%s",
				    garbage[i]);
		KUNIT_EXPECT_STREQ(test, pks_isolation(test), "on");
	}
	KUNIT_EXPECT_EQ(test, 0, pks_shell(test, "read x <" PKS_DEBUGFS_ISOLATION
					   "; [ $x = 1 ]"));
	KUNIT_EXPECT_EQ(test, pks_isolation_set(test, false), 0);
	KUNIT_EXPECT_STREQ(test, pks_isolation(test), "off");
	KUNIT_EXPECT_EQ(test, 0, pks_shell(test, "read x <" PKS_DEBUGFS_ISOLATION
					   "; [ $x = 0 ]"));
	KUNIT_EXPECT_EQ(test, pks_isolation_set(test, true), 0);
	KUNIT_EXPECT_STREQ(test, pks_isolation(test), "on");
}

static struct kunit_case pks_debugfs_cases[] = {
	KUNIT_CASE(pks_debugfs_keys),
	KUNIT_CASE(pks_debugfs_names),
	KUNIT_CASE(pks_debugfs_threads),
	KUNIT_CASE(pks_debugfs_running),
	KUNIT_CASE(pks_debugfs_matrix),
	KUNIT_CASE(pks_debugfs_status),
	KUNIT_CASE(pks_debugfs_modes),
	KUNIT_CASE(pks_debugfs_irq_isolation),
	{}
};

struct kunit_suite pks_debugfs_suite = {
	.name		= "pks_debugfs",
	.init		= pks_debugfs_fixture_init,
	.exit		= pks_fixture_exit,
	.test_cases	= pks_debugfs_cases,
};
