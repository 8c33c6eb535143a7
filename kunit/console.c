// SPDX-License-Identifier: GPL-2.0
/*
 * The lines that pks writes to the log, as the kernel's tracepoint on printk
 * sees them: those with its prefix, and those of reports, which have none.
 */
#include "pks_test.h"
#include <linux/delay.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

#define PKS_CONSOLE_LINES	384
#define PKS_CONSOLE_WIDTH	160

static struct tracepoint *pks_tp_console;
static DEFINE_RAW_SPINLOCK(pks_console_lock);
static char pks_console_lines[PKS_CONSOLE_LINES][PKS_CONSOLE_WIDTH];
static unsigned int pks_console_nr;
/* A rule was seen, and not yet the one that ends the report. */
static bool pks_console_in_report;

static bool pks_console_is_ours(const char *text, size_t len)
{
	bool rule = len >= strlen(PKS_TEST_RULE) &&
		    !strncmp(text, PKS_TEST_RULE, strlen(PKS_TEST_RULE));

	if (rule)
		pks_console_in_report = !pks_console_in_report;
	return rule || pks_console_in_report || strnstr(text, "pks: ", len);
}

static void pks_console_probe(void *data, const char *text, size_t len)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&pks_console_lock, flags);
	if (pks_console_is_ours(text, len) && pks_console_nr < PKS_CONSOLE_LINES)
		strscpy(pks_console_lines[pks_console_nr++], text,
			min_t(size_t, len + 1, PKS_CONSOLE_WIDTH));
	raw_spin_unlock_irqrestore(&pks_console_lock, flags);
}

static void pks_find_console(struct tracepoint *tp, void *unused)
{
	if (!strcmp(tp->name, "console"))
		pks_tp_console = tp;
}

int pks_console_watch(void)
{
	for_each_kernel_tracepoint(pks_find_console, NULL);
	if (!pks_tp_console)
		return -ENOENT;
	pks_console_clear();
	return tracepoint_probe_register(pks_tp_console, pks_console_probe,
					 NULL);
}

void pks_console_unwatch(void)
{
	tracepoint_probe_unregister(pks_tp_console, pks_console_probe, NULL);
	tracepoint_synchronize_unregister();
}

void pks_console_clear(void)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&pks_console_lock, flags);
	pks_console_nr = 0;
	pks_console_in_report = false;
	raw_spin_unlock_irqrestore(&pks_console_lock, flags);
}

unsigned int pks_console_count(const char *text)
{
	unsigned int i, count = 0;
	unsigned long flags;

	raw_spin_lock_irqsave(&pks_console_lock, flags);
	for (i = 0; i < pks_console_nr; i++) {
		if (strstr(pks_console_lines[i], text))
			count++;
	}
	raw_spin_unlock_irqrestore(&pks_console_lock, flags);
	return count;
}

/* It stays as it is until they are cleared. */
const char *pks_console_line(unsigned int nr)
{
	unsigned long flags;
	const char *line;

	raw_spin_lock_irqsave(&pks_console_lock, flags);
	line = nr < pks_console_nr ? pks_console_lines[nr] : NULL;
	raw_spin_unlock_irqrestore(&pks_console_lock, flags);
	return line;
}

/* Lines about the past are written by a worker, a little later. */
bool pks_console_wait(const char *text)
{
	unsigned long end = jiffies + PKS_TEST_PATIENCE;

	while (!pks_console_count(text)) {
		if (time_after(jiffies, end))
			return false;
		msleep(20);
	}
	return true;
}
