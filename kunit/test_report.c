// SPDX-License-Identifier: GPL-2.0
/* Reports: what the log says of a violation, and what is kept for debugfs. */
#include "pks_test.h"
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/sched/clock.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

/* Of the log's limit on reports: the window, and how many it lets through. */
#define PKS_REPORT_WINDOW	5500
#define PKS_REPORT_BURST	10

#define PKS_REPORT_LEN		1536
#define PKS_REPORT_FRAMES	12

/* A new window begins with the next report. */
static void pks_report_silence(void)
{
	msleep(PKS_REPORT_WINDOW);
	pks_console_clear();
}

/* The log has room for the one report of this case: it is among the first of some. */
static void pks_report_fresh(void)
{
	static unsigned int room;

	if (!room) {
		pks_report_silence();
		room = PKS_REPORT_BURST / 2;
	}
	room--;
	pks_console_clear();
}

/* What the file has behind its first line. */
static const char *pks_report_file(struct kunit *test)
{
	const char *text = strchr(pks_file_read(test, "faults"), '\n');

	KUNIT_ASSERT_NOT_NULL(test, text);
	return text + 1;
}

/* The first report of @text, without what follows it. */
static char *pks_report_first(struct kunit *test, const char *text)
{
	const char *end = strstr(text + 1, PKS_TEST_RULE);
	char *report;

	KUNIT_ASSERT_EQ(test, 0, strncmp(text, PKS_TEST_RULE, strlen(PKS_TEST_RULE)));
	KUNIT_ASSERT_NOT_NULL(test, end);
	end += strlen(PKS_TEST_RULE) + 1;
	report = kunit_kzalloc(test, end - text + 1, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, report);
	memcpy(report, text, end - text);
	return report;
}

/* What the log has of it, all lines of it. */
static char *pks_report_logged(struct kunit *test)
{
	char *report = kunit_kzalloc(test, PKS_REPORT_LEN, GFP_KERNEL);
	unsigned int i;
	size_t len = 0;

	KUNIT_ASSERT_NOT_NULL(test, report);
	for (i = 0; pks_console_line(i); i++)
		len += scnprintf(report + len, PKS_REPORT_LEN - len, "%s\n",
				 pks_console_line(i));
	return report;
}

/* The next line of *@text, cut out of it. */
static const char *pks_report_line(char **text)
{
	return strsep(text, "\n") ?: "(no more lines)";
}

/* Of what was stopped or audited: how a handler or a probe got there is its business. */
static bool pks_report_has_stack(const struct pks_fault_info *info)
{
	return IS_ENABLED(CONFIG_STACKTRACE) &&
		(info->outcome == PKS_FAULT_STOPPED || info->outcome == PKS_FAULT_STEPPED);
}

/* Up to the empty line: the violator first, nothing of the fault's handling. */
static void pks_report_expect_stack(struct kunit *test, char **text,
				    const struct pks_try *try)
{
	static const char *const own[] = { " [pks]", "kern_addr_fault", "page_fault" };
	char first[128];
	const char *line;
	int frames, i;

	snprintf(first, sizeof(first), " %pS", (void *)try->ip);
	for (frames = 0; *(line = pks_report_line(text)); frames++) {
		if (!frames)
			KUNIT_EXPECT_STREQ(test, line, (const char *)first);
		if (frames == 1)
			KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(line, " pks_try+"),
						  "%s", line);
		for (i = 0; i < ARRAY_SIZE(own); i++)
			KUNIT_EXPECT_NULL_MSG(test, strstr(line, own[i]), "%s",
					      line);
	}
	KUNIT_EXPECT_LE(test, frames, PKS_REPORT_FRAMES);
	if (pks_report_has_stack(&pks_violation(0)->info))
		KUNIT_EXPECT_GE(test, frames, 3);
	else
		KUNIT_EXPECT_EQ(test, frames, 0);
}

static void pks_report_expect_line(struct kunit *test, char **text,
				   const char *expected)
{
	KUNIT_EXPECT_STREQ(test, pks_report_line(text), expected);
}

/* @title, @key and @end are the lines that the cases differ in. */
static void pks_report_expect(struct kunit *test, char *text, bool log,
			      const struct pks_try *try, const char *title,
			      const char *key, const char *end)
{
	const struct pks_fault_info *info = &pks_violation(0)->info;
	u64 micros = info->time / NSEC_PER_USEC;
	char line[192];

	KUNIT_ASSERT_EQ(test, pks_violations(), 1);
	pks_report_expect_line(test, &text, PKS_TEST_RULE);
	snprintf(line, sizeof(line), "BUG: PKS: %s in %pS", title, (void *)try->ip);
	pks_report_expect_line(test, &text, line);
	pks_report_expect_line(test, &text, "");
	/* Many may read the log: it has no addresses, as of the kernel's other messages. */
	snprintf(line, sizeof(line), log ? "%s at 0x%p by %s/%d (process) on CPU %d:" :
					   "%s at 0x%px by %s/%d (process) on CPU %d:",
		 try->write ? "Write" : "Read", try->page, try->comm, try->pid, try->cpu);
	pks_report_expect_line(test, &text, line);
	pks_report_expect_stack(test, &text, try);
	pks_report_expect_line(test, &text, key);
	snprintf(line, sizeof(line),
		 "PKRS 0x%08x, error code 0x%x, %llu.%06llu s after boot",
		 try->rights[0].word, try->write ? 0x23 : 0x21,
		 micros / USEC_PER_SEC, micros % USEC_PER_SEC);
	pks_report_expect_line(test, &text, line);
	pks_report_expect_line(test, &text, end);
	pks_report_expect_line(test, &text, PKS_TEST_RULE);
	pks_report_expect_line(test, &text, "");
	KUNIT_EXPECT_NULL(test, text);
}

/* In the log and in the file, where it is the first. */
static void pks_report_expect_both(struct kunit *test, const struct pks_try *try,
				   const char *title, const char *key,
				   const char *end)
{
	char *logged = pks_report_logged(test);
	char *kept = pks_report_first(test, pks_report_file(test));

	pks_report_expect(test, logged, true, try, title, key, end);
	pks_report_expect(test, kept, false, try, title, key, end);
}

struct pks_report_row {
	const char	*title;
	const char	*key;
	enum pks_access	held;
	bool		write;
};

static const struct pks_report_row pks_report_rows[] = {
	{ "read of no-access domain \"test\"",
	  "key 1, domain \"test\" of pks_kunit; held no access, needed read",
	  PKS_NOACCESS, false },
	{ "write to no-access domain \"test\"",
	  "key 1, domain \"test\" of pks_kunit; held no access, needed write",
	  PKS_NOACCESS, true },
	{ "write to read-only domain \"test\"",
	  "key 1, domain \"test\" of pks_kunit; held read, needed write",
	  PKS_READONLY, true },
};

static void pks_report_row_name(const struct pks_report_row *row, char *desc)
{
	strscpy(desc, row->title, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(pks_report_row, pks_report_rows, pks_report_row_name);

static void pks_report_of(struct kunit *test)
{
	const struct pks_report_row *row = test->param_value;
	int pkey = pks_test_key(test, 0), former;
	struct pks_try try = {
		.page = pks_test_page(test, pkey) + 7, .write = row->write,
	};
	u64 begin, end;

	KUNIT_ASSERT_EQ(test, pkey, 1);
	pks_report_fresh();
	former = pks_enter(pkey, row->held);
	begin = local_clock();
	pks_try(&try);
	end = local_clock();
	pks_leave(pkey, former);
	KUNIT_EXPECT_EQ(test, try.err, -EFAULT);
	KUNIT_EXPECT_EQ(test, pks_violations(), 1);
	pks_expect_violation(test, pks_violation(0), &try, pkey, row->held,
			     PKS_FAULT_STOPPED);
	KUNIT_EXPECT_GE(test, pks_violation(0)->info.time, begin);
	KUNIT_EXPECT_LE(test, pks_violation(0)->info.time, end);
	pks_report_expect_both(test, &try, row->title, row->key,
			       "stopped (policy deny)");
}

static void pks_report_of_step(struct kunit *test)
{
	int pkey = pks_test_key(test, 0);
	struct pks_try try = { .page = pks_test_page(test, pkey), .write = true };

	KUNIT_ASSERT_EQ(test, pkey, 1);
	pks_audit_needed(test);
	KUNIT_ASSERT_EQ(test, 0, pks_set_policy(pkey, PKS_POLICY_REPORT));
	pks_report_fresh();
	pks_try(&try);
	KUNIT_EXPECT_EQ(test, try.err, 0);
	pks_report_expect_both(test, &try, pks_report_rows[1].title,
			       pks_report_rows[1].key,
			       "carried out (policy report)");
}

/* A page that is still tagged when its key has been freed. */
static void pks_report_of_nobodys_key(struct kunit *test)
{
	int pkey = pks_test_key(test, 0);
	struct pks_try try = { .page = pks_test_page(test, pkey) };

	KUNIT_ASSERT_EQ(test, pkey, 1);
	/* The policy went with its owner. */
	KUNIT_ASSERT_EQ(test, 0, pks_set_policy(pkey, PKS_POLICY_PANIC));
	pks_test_key_free(test, pkey);
	pks_report_fresh();
	pks_try(&try);
	KUNIT_EXPECT_EQ(test, try.err, -EFAULT);
	KUNIT_ASSERT_EQ(test, pks_violations(), 1);
	KUNIT_EXPECT_EQ(test, pks_violation(0)->info.pkey, 1);
	KUNIT_EXPECT_STREQ(test, (const char *)pks_violation(0)->domain, "");
	pks_report_expect_both(test, &try, "read of no-access key 1, which is nobody's,",
			       "key 1, which is nobody's; held no access, needed read",
			       "stopped (policy deny)");
}

static void pks_report_of_no_mapping(struct kunit *test)
{
	int pkey = pks_test_key(test, 0);
	struct pks_try try = { .page = pks_test_page(test, pkey), .write = true };
	struct pks_tear tear;

	pks_tear_init(test, &tear, try.page);
	pks_report_fresh();
	pks_tear_try(test, &tear, 0, &try);
	KUNIT_EXPECT_EQ(test, try.err, -EFAULT);
	pks_report_expect_both(test, &try, "write to memory whose mapping has gone",
			       "key unknown: the mapping has gone; needed write",
			       "stopped");
}

/* The longest name there is. */
static void pks_report_of_long_name(struct kunit *test)
{
	int pkey = pks_key_alloc("a-name-of-31-characters-is-long", 0);
	struct pks_try try;

	KUNIT_ASSERT_EQ(test, pkey, 1);
	try = (struct pks_try){ .page = pks_test_page(test, pkey) };
	pks_report_fresh();
	pks_try(&try);
	pks_key_free(pkey);
	KUNIT_EXPECT_EQ(test, try.err, -EFAULT);
	pks_report_expect_both(test, &try,
			       "read of no-access domain \"a-name-of-31-characters-is-long\"",
			       "key 1, domain \"a-name-of-31-characters-is-long\" of pks_kunit; held no access, needed read",
			       "stopped (policy deny)");
}

static enum pks_fault_action pks_report_handler(const struct pks_fault_info *info,
						struct pt_regs *regs, void *data)
{
	enum pks_fault_action action = *(enum pks_fault_action *)data;

	if (action == PKS_FAULT_RETRY)
		pks_update_exception(regs, info->pkey, PKS_READWRITE);
	return action;
}

/* What was asked for: kept, but not in the log. */
static void pks_report_not_logged(struct kunit *test)
{
	int pkey = pks_test_key(test, 0);
	struct pks_try try = { .page = pks_test_page(test, pkey) };
	enum pks_fault_action action;
	u64 val;

	KUNIT_ASSERT_EQ(test, pkey, 1);
	KUNIT_ASSERT_EQ(test, 0, pks_set_fault_handler(pkey, pks_report_handler,
						       &action));
	pks_report_fresh();
	action = PKS_FAULT_RETRY;
	pks_try(&try);
	pks_mk_noaccess(pkey);
	KUNIT_EXPECT_EQ(test, try.err, 0);
	pks_report_expect(test, pks_report_first(test, pks_report_file(test)), false, &try,
			  pks_report_rows[0].title, pks_report_rows[0].key,
			  "retried: its handler allows it");

	pks_violations_clear();
	action = PKS_FAULT_FIXUP;
	pks_try(&try);
	KUNIT_EXPECT_EQ(test, try.err, -EFAULT);
	pks_report_expect(test, pks_report_first(test, pks_report_file(test)), false, &try,
			  pks_report_rows[0].title, pks_report_rows[0].key,
			  "left to the exception table by its handler");

	KUNIT_EXPECT_EQ(test, -EFAULT, pks_read_nofault(&val, try.page, 8));
	KUNIT_EXPECT_NOT_NULL(test, strstr(pks_report_first(test, pks_report_file(test)),
					   "\na probe that may fail\n"));
	KUNIT_EXPECT_NULL(test, pks_console_line(0));
}

/* A stack deeper than what is kept of it. */
static noinline void pks_report_deep(struct pks_try *try, int depth)
{
	if (depth)
		pks_report_deep(try, depth - 1);
	else
		pks_try(try);
	/* Not a tail call. */
	barrier();
}

static void pks_report_of_deep_stack(struct kunit *test)
{
	int pkey = pks_test_key(test, 0), frames = 0;
	struct pks_try try = { .page = pks_test_page(test, pkey) };
	char *text;

	if (!IS_ENABLED(CONFIG_STACKTRACE))
		kunit_skip(test, "the kernel can't walk stacks");
	pks_report_fresh();
	pks_report_deep(&try, 30);
	text = pks_report_first(test, pks_report_file(test));
	while (*pks_report_line(&text))
		;
	pks_report_line(&text);
	while (*pks_report_line(&text))
		frames++;
	KUNIT_EXPECT_EQ(test, frames, PKS_REPORT_FRAMES);
}

/* Someone who looks at what is printed, and violates at the first title that he sees. */
struct pks_report_reader {
	struct task_struct	*task;
	struct pks_try		try;
	bool			did;
};

static void pks_report_reads(void *data, const char *text, size_t len)
{
	struct pks_report_reader *reader = data;

	if (current != reader->task || reader->did || !strnstr(text, "BUG: PKS: ", len))
		return;
	reader->did = true;
	pks_try(&reader->try);
}

static void pks_report_find_console(struct tracepoint *tp, void *found)
{
	if (!strcmp(tp->name, "console"))
		*(struct tracepoint **)found = tp;
}

/* A violation in the middle of a report is kept; that report is not disturbed. */
static void pks_report_in_a_report(struct kunit *test)
{
	int pkey = pks_test_key(test, 0);
	u64 *page = pks_test_page(test, pkey);
	struct pks_report_reader reader = { .task = current, .try.page = page };
	struct pks_faults_kept before, after;
	struct tracepoint *tp = NULL;
	u64 val;

	for_each_kernel_tracepoint(pks_report_find_console, &tp);
	KUNIT_ASSERT_NOT_NULL(test, tp);
	pks_report_fresh();
	before = pks_faults_kept(test);
	KUNIT_ASSERT_EQ(test, 0, tracepoint_probe_register(tp, pks_report_reads, &reader));
	KUNIT_EXPECT_EQ(test, -EFAULT, pks_try_write(page, 1));
	tracepoint_probe_unregister(tp, pks_report_reads, &reader);
	tracepoint_synchronize_unregister();
	after = pks_faults_kept(test);

	KUNIT_EXPECT_TRUE(test, reader.did);
	KUNIT_EXPECT_EQ(test, reader.try.err, -EFAULT);
	KUNIT_ASSERT_EQ(test, pks_violations(), 2);
	pks_expect_violation(test, pks_violation(1), &reader.try, pkey, PKS_NOACCESS,
			     PKS_FAULT_STOPPED);
	KUNIT_EXPECT_EQ(test, pks_console_count("BUG: PKS: "), 1);
	KUNIT_EXPECT_EQ(test, pks_console_count("BUG: PKS: write to"), 1);
	KUNIT_EXPECT_EQ(test, pks_console_count(PKS_TEST_RULE), 2);
	KUNIT_EXPECT_EQ(test, after.violations, before.violations + 2);
	KUNIT_EXPECT_EQ(test, after.not_printed, before.not_printed + 1);
	/* The next one is printed. */
	pks_console_clear();
	KUNIT_EXPECT_EQ(test, -EFAULT, pks_try_read(page, &val));
	KUNIT_EXPECT_EQ(test, pks_console_count("BUG: PKS: read of"), 1);
}

/* All are counted and kept, though the log gets but the first of them. */
static void pks_report_limit(struct kunit *test)
{
	const unsigned int faults = 30;
	int pkey = pks_test_key(test, 0), i;
	u64 *page = pks_test_page(test, pkey), val;
	struct pks_faults_kept before, after;
	unsigned int logged;
	ktime_t begin;

	pks_report_silence();
	before = pks_faults_kept(test);
	begin = ktime_get();
	for (i = 0; i < faults; i++)
		KUNIT_EXPECT_EQ(test, -EFAULT, pks_try_read(page, &val));
	KUNIT_ASSERT_LT(test, ktime_ms_delta(ktime_get(), begin), 5000);
	after = pks_faults_kept(test);
	logged = pks_console_count("BUG: PKS: ");
	KUNIT_EXPECT_EQ(test, logged, PKS_REPORT_BURST);
	KUNIT_EXPECT_EQ(test, after.not_printed - before.not_printed,
			faults - logged);
	KUNIT_EXPECT_EQ(test, after.violations - before.violations, faults);
	KUNIT_EXPECT_EQ(test, pks_violations(), faults);
	KUNIT_EXPECT_EQ(test, pks_policy_row(test, pkey).reads, faults);
	KUNIT_EXPECT_EQ(test, pks_policy_row(test, pkey).stopped, faults);
	/* They are complete: each has its two rules. */
	KUNIT_EXPECT_EQ(test, pks_console_count(PKS_TEST_RULE), 2 * logged);
}

/* The newest stay, the newest first. */
static void pks_report_overwrites(struct kunit *test)
{
	const unsigned int faults = 100, ring = 32;
	int pkey = pks_test_key(test, 0), i;
	u64 *page = pks_test_page(test, pkey), val;
	struct pks_faults_kept before, after;
	const char *text;
	char expected[32];

	KUNIT_ASSERT_EQ(test, 0, set_cpus_allowed_ptr(current, cpumask_of(0)));
	before = pks_faults_kept(test);
	for (i = 0; i < faults; i++)
		pks_try_read(page + i, &val);
	after = pks_faults_kept(test);
	text = pks_report_file(test);
	set_cpus_allowed_ptr(current, cpu_possible_mask);

	KUNIT_EXPECT_EQ(test, after.violations - before.violations, faults);
	KUNIT_EXPECT_GE(test, after.overwritten - before.overwritten, faults - ring);
	KUNIT_EXPECT_LE(test, after.kept, ring * num_possible_cpus());
	for (i = 1; i <= ring; i++) {
		text = strstr(text, "\nRead at 0x");
		KUNIT_ASSERT_NOT_NULL(test, text);
		snprintf(expected, sizeof(expected), "\nRead at 0x%lx ",
			 (unsigned long)(page + faults - i));
		KUNIT_EXPECT_EQ_MSG(test, 0, strncmp(text, expected, strlen(expected)),
				    "%.40s", text + 1);
		text++;
	}
}

/* Of all CPUs, in the order of time. */
static void pks_report_order(struct kunit *test)
{
	int pkey = pks_test_key(test, 0), found = 0, fields;
	u64 *page = pks_test_page(test, pkey), val, time, last = U64_MAX;
	unsigned int cpu, round, micros;
	unsigned long seconds;
	const char *text;

	for (round = 0; round < 3; round++) {
		for_each_online_cpu(cpu) {
			set_cpus_allowed_ptr(current, cpumask_of(cpu));
			pks_try_read(page, &val);
		}
	}
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	text = pks_report_file(test);
	while ((text = strstr(text, ", error code 0x21, "))) {
		text += strlen(", error code 0x21, ");
		fields = sscanf(text, "%lu.%6u", &seconds, &micros);
		KUNIT_ASSERT_EQ(test, fields, 2);
		time = seconds * USEC_PER_SEC + micros;
		KUNIT_EXPECT_LE(test, time, last);
		last = time;
		found++;
	}
	KUNIT_EXPECT_GE(test, found, 3 * num_online_cpus());
}

static void pks_report_mode(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, pks_file_mode(test, "faults"), 0400);
}

static struct kunit_case pks_report_cases[] = {
	KUNIT_CASE_PARAM(pks_report_of, pks_report_row_gen_params),
	KUNIT_CASE(pks_report_of_step),
	KUNIT_CASE(pks_report_of_nobodys_key),
	KUNIT_CASE(pks_report_of_no_mapping),
	KUNIT_CASE(pks_report_of_long_name),
	KUNIT_CASE(pks_report_not_logged),
	KUNIT_CASE(pks_report_of_deep_stack),
	KUNIT_CASE(pks_report_in_a_report),
	KUNIT_CASE(pks_report_limit),
	KUNIT_CASE(pks_report_overwrites),
	KUNIT_CASE(pks_report_order),
	KUNIT_CASE(pks_report_mode),
	{}
};

struct kunit_suite pks_report_suite = {
	.name		= "pks_report",
	.init		= pks_violations_init,
	.exit		= pks_violations_exit,
	.test_cases	= pks_report_cases,
};
