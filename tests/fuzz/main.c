// SPDX-License-Identifier: GPL-2.0
/*
 * Rounds. debugfs pks_fuzz/run: reading it makes one, with the parameters as they are
 * then, and tells how it went. pks_fuzz/only: which steps are made, "0:17 2:100-120"
 * or "all".
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "../../pks_domain.h"
#include "fuzz.h"
#include <linux/cpu.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/jhash.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

static unsigned int seed = 1;
module_param(seed, uint, 0644);
MODULE_PARM_DESC(seed, "What the steps follow from");

static unsigned int threads = 5;
module_param(threads, uint, 0644);
MODULE_PARM_DESC(threads, "How many threads make them, 1 to 8");

static unsigned int steps = 2000;
module_param(steps, uint, 0644);
MODULE_PARM_DESC(steps, "How many each of them makes, up to 65536");

static bool trace;
module_param(trace, bool, 0644);
MODULE_PARM_DESC(trace, "Log each call");

static unsigned int lie;
module_param(lie, uint, 0644);
MODULE_PARM_DESC(lie, "A rule of the model to be made wrong, 1 to 6: it must be noticed");

struct fuzz fuzz;

/* Of each thread the steps to be made, if not all are. */
static unsigned long fuzz_only[FUZZ_THREADS_MAX][BITS_TO_LONGS(FUZZ_STEPS_MAX)];
static bool fuzz_all = true;

static DEFINE_MUTEX(fuzz_round_mutex);
static struct dentry *fuzz_dir;

void fuzz_rnd_init(struct rnd_state *rnd, u32 seed, u32 a, u32 b)
{
	prandom_seed_state(rnd, (u64)jhash_3words(seed, a, b, 0) << 32 |
			   jhash_3words(seed, a, b, 1));
}

void fuzz_did(struct fuzz_context *ctx, const char *what, long a, long b, long c, long ret)
{
	struct fuzz_thread *thread = ctx->thread;
	unsigned int at = atomic_inc_return(&thread->nr_kept) % FUZZ_STEPS_KEPT;

	fuzz_count(FUZZ_CALLS);
	thread->kept[at] = (struct fuzz_step){
		thread->step, what, { a, b, c }, ret, ctx->name
	};
	if (trace)
		pr_info("%u:%u in %s: %s(%ld, %ld, %#lx) = %ld\n", thread->nr,
			thread->step, ctx->name, what, a, b, c, ret);
}

/* The first is told; what follows may follow from it. */
void fuzz_fail(struct fuzz_context *ctx, const char *fmt, ...)
{
	char *to = fuzz.complaint;
	va_list args;
	int len;

	if (atomic_cmpxchg(&fuzz.failed, 0, 1))
		return;
	len = scnprintf(to, sizeof(fuzz.complaint), "thread %u, %s, at step %u: ",
			ctx->thread->nr, ctx->name, ctx->thread->step);
	va_start(args, fmt);
	vscnprintf(to + len, sizeof(fuzz.complaint) - len, fmt, args);
	va_end(args);
}

/* The thread goes to another CPU, or lets others run. */
static void fuzz_move_step(struct rnd_state *rnd)
{
	unsigned int cpu = fuzz_pick(rnd, nr_cpu_ids);

	switch (fuzz_pick(rnd, 4)) {
	case 0:
		usleep_range(10, 100);
		break;
	case 1:
		schedule();
		break;
	default:
		/* The scheduler does not like threads to be moved to a CPU that goes. */
		cpus_read_lock();
		if (cpu_online(cpu))
			set_cpus_allowed_ptr(current, cpumask_of(cpu));
		set_cpus_allowed_ptr(current, cpu_possible_mask);
		cpus_read_unlock();
	}
}

static void fuzz_step(struct fuzz_context *ctx, struct rnd_state *rnd)
{
	unsigned int which = fuzz_pick(rnd, 64);

	if (which < 26)
		fuzz_scope_step(ctx, rnd);
	else if (which < 42)
		fuzz_probe_step(ctx, rnd);
	else if (which < 46)
		fuzz_key_step(ctx, rnd);
	else if (which < 56)
		fuzz_memory_step(ctx, rnd);
	else if (which < 61)
		fuzz_interrupt_step(ctx, rnd);
	else
		fuzz_move_step(rnd);
}

static bool fuzz_chosen(const struct fuzz_thread *thread, u32 step)
{
	return fuzz_all || test_bit(step, fuzz_only[thread->nr]);
}

static int fuzz_main(void *data)
{
	struct fuzz_thread *thread = data;
	struct fuzz_context *ctx = &thread->contexts[0];
	struct rnd_state rnd;
	u32 step, made = 0;

	for (step = 0; step < steps && !atomic_read(&fuzz.failed); step++) {
		if (!fuzz_chosen(thread, step))
			continue;
		WRITE_ONCE(thread->step, step);
		made++;
		fuzz_rnd_init(&rnd, seed, thread->nr, step);
		fuzz_step(ctx, &rnd);
		fuzz_look(ctx);
		cond_resched();
	}
	fuzz_contexts_end(thread);
	fuzz_leave_all(ctx);
	if (made)
		fuzz_look(ctx);
	return 0;
}

static void fuzz_key_init(struct fuzz_key *key, u8 state)
{
	memset(&key->key, 0, sizeof(key->key));
	memset(&key->violations, 0, sizeof(key->violations));
	key->key.states[0] = state;
	key->users = 0;
	atomic_set(&key->visits, 0);
	atomic_set(&key->visitors, 0);
	memset(page_address(key->frame), 0, PAGE_SIZE);
}

/* Nobody has a key. What is no domain's and has one anyway are our pages. */
static void fuzz_round_init(void)
{
	int pkey, i;

	fuzz_lie = lie < FUZZ_LIES ? lie : FUZZ_TRUTH;
	fuzz.nr_threads = clamp(threads, 1U, FUZZ_THREADS_MAX);
	steps = min(steps, FUZZ_STEPS_MAX);
	atomic_set(&fuzz.failed, 0);
	memset(fuzz.counts, 0, sizeof(fuzz.counts));
	for (i = 0; i < FUZZ_COMMON; i++)
		fuzz.common[i].pkey = 0;
	for (pkey = 0; pkey < PKS_NUM_KEYS; pkey++)
		fuzz_key_init(&fuzz.keys[pkey], pkey ? PKS_NOACCESS :
			      PKS_READWRITE | FUZZ_TAKEN);
}

static int fuzz_thread_init(struct fuzz_thread *thread, unsigned int nr)
{
	int i;

	thread->nr = nr;
	for (i = 0; i < ARRAY_SIZE(thread->slots); i++)
		mutex_init(&thread->slots[i].mutex);
	fuzz_contexts_init(thread);
	return fuzz_memory_init(thread);
}

static int fuzz_threads_init(void)
{
	unsigned int i;
	int err = 0;

	fuzz.threads = kvcalloc(fuzz.nr_threads, sizeof(*fuzz.threads), GFP_KERNEL);
	if (!fuzz.threads)
		return -ENOMEM;
	for (i = 0; i < fuzz.nr_threads && !err; i++)
		err = fuzz_thread_init(&fuzz.threads[i], i);
	for (i = 0; i < fuzz.nr_threads && !err; i++) {
		fuzz.threads[i].task = kthread_create(fuzz_main, &fuzz.threads[i], "fuzz-%u", i);
		err = PTR_ERR_OR_ZERO(fuzz.threads[i].task);
		if (!err)
			get_task_struct(fuzz.threads[i].task);
	}
	return err;
}

/* Those that could be made. They come to their end by themselves. */
static void fuzz_threads_end(bool start)
{
	struct fuzz_thread *thread;
	unsigned int i;

	for (i = 0; start && i < fuzz.nr_threads; i++)
		wake_up_process(fuzz.threads[i].task);
	for (i = 0; i < fuzz.nr_threads; i++) {
		thread = &fuzz.threads[i];
		if (IS_ERR_OR_NULL(thread->task))
			continue;
		/* One that is stopped before it has begun never does. */
		while (start && !READ_ONCE(thread->task->exit_state))
			usleep_range(200, 1000);
		kthread_stop(thread->task);
		put_task_struct(thread->task);
	}
	for (i = 0; i < fuzz.nr_threads; i++) {
		if (fuzz.threads[i].domain)
			fuzz_memory_end(&fuzz.threads[i]);
	}
}

static void fuzz_finding(const struct pks_audit_finding *finding, void *data)
{
	unsigned long *strange = data;
	unsigned long at = finding->addr;

	if (finding->dom || finding->size != PAGE_SIZE ||
	    at != (unsigned long)fuzz.keys[finding->pkey].page)
		++*strange;
}

/* Is all as it was before the round? */
static void fuzz_round_check(void)
{
	struct fuzz_context *ctx = fuzz_context(0);
	unsigned long strange = 0, found;
	int pkey;

	found = pks_audit(fuzz_finding, &strange);
	if (found != PKS_NUM_KEYS - 1 || strange)
		fuzz_fail(ctx, "the audit finds %lu mappings, %lu of them not ours", found,
			  strange);
	pkey = pks_key_alloc("fuzz-end", 0);
	if (pkey != 1)
		fuzz_fail(ctx, "the next key is %d, with none allocated", pkey);
	pks_key_free(pkey);
}

static int fuzz_round(void)
{
	int err;

	fuzz_round_init();
	/* In case it is the last that is heard of. */
	pr_info("seed %u, threads %u\n", seed, fuzz.nr_threads);
	err = fuzz_threads_init();
	if (fuzz.threads)
		fuzz_threads_end(!err);
	fuzz_keys_end();
	if (!err)
		fuzz_round_check();
	return err;
}

static void fuzz_show_kept(struct seq_file *m, const struct fuzz_thread *thread)
{
	unsigned int last = atomic_read(&thread->nr_kept), i;
	const struct fuzz_step *kept;

	for (i = 1; i <= FUZZ_STEPS_KEPT; i++) {
		kept = &thread->kept[(last + i) % FUZZ_STEPS_KEPT];
		if (kept->what)
			seq_printf(m, "  %u:%u in %s: %s(%ld, %ld, %#lx) = %ld\n", thread->nr,
				   kept->nr, kept->context, kept->what, kept->args[0],
				   kept->args[1], kept->args[2], kept->ret);
	}
}

static void fuzz_show_failure(struct seq_file *m)
{
	unsigned int i;

	seq_printf(m, "failed: %s\n", fuzz.complaint);
	seq_puts(m, "reached:");
	for (i = 0; i < fuzz.nr_threads; i++)
		seq_printf(m, " %u:0-%u", i, fuzz.threads[i].step);
	seq_puts(m, "\nlast calls:\n");
	for (i = 0; i < fuzz.nr_threads; i++)
		fuzz_show_kept(m, &fuzz.threads[i]);
}

static int run_show(struct seq_file *m, void *unused)
{
	static const char *const names[] = {
		[FUZZ_CALLS]		= "calls",
		[FUZZ_PROBES]		= "probes",
		[FUZZ_EXACT]		= "exact",
		[FUZZ_STOPPED]		= "stopped",
		[FUZZ_RESETS]		= "resets",
		[FUZZ_INTERRUPTS]	= "interrupts",
	};
	int err, i;

	static_assert(ARRAY_SIZE(names) == FUZZ_COUNTS);
	mutex_lock(&fuzz_round_mutex);
	err = fuzz_round();
	seq_printf(m, "seed %u threads %u steps %u", seed, fuzz.nr_threads, steps);
	for (i = 0; i < FUZZ_COUNTS; i++)
		seq_printf(m, " %s %d", names[i], atomic_read(&fuzz.counts[i]));
	seq_putc(m, '\n');
	if (!err && atomic_read(&fuzz.failed))
		fuzz_show_failure(m);
	kvfree(fuzz.threads);
	fuzz.threads = NULL;
	mutex_unlock(&fuzz_round_mutex);
	return err;
}

/* All of it at once: a second call would be a second round. */
static int run_open(struct inode *inode, struct file *file)
{
	return single_open_size(file, run_show, NULL, SZ_64K);
}

static const struct file_operations run_fops = {
	.owner		= THIS_MODULE,
	.open		= run_open,
	.read		= seq_read,
	.llseek		= seq_lseek,
	.release	= single_release,
};

/* "<thread>:<step>" or "<thread>:<first>-<last>" */
static int fuzz_choose(const char *text)
{
	unsigned int thread, first, last;
	int nr = sscanf(text, "%u:%u-%u", &thread, &first, &last);

	if (nr == 2)
		last = first;
	if (nr < 2 || thread >= FUZZ_THREADS_MAX || first > last || last >= FUZZ_STEPS_MAX)
		return -EINVAL;
	bitmap_set(fuzz_only[thread], first, last - first + 1);
	return 0;
}

static int fuzz_choose_all(char *text)
{
	char *word;
	int err = 0;

	memset(fuzz_only, 0, sizeof(fuzz_only));
	fuzz_all = !strcmp(strim(text), "all");
	if (fuzz_all)
		return 0;
	while (!err) {
		word = strsep(&text, "\n ");
		if (!word)
			break;
		if (*word)
			err = fuzz_choose(word);
	}
	return err;
}

static ssize_t only_write(struct file *file, const char __user *text, size_t len,
			  loff_t *pos)
{
	char *copy;
	int err;

	if (len > SZ_4M || *pos)
		return -EINVAL;
	copy = kvmalloc(len + 1, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	copy[len] = '\0';
	mutex_lock(&fuzz_round_mutex);
	err = copy_from_user(copy, text, len) ? -EFAULT : fuzz_choose_all(copy);
	mutex_unlock(&fuzz_round_mutex);
	kvfree(copy);
	return err ?: len;
}

static const struct file_operations only_fops = {
	.owner		= THIS_MODULE,
	.open		= simple_open,
	.write		= only_write,
};

static void fuzz_cleanup(void)
{
	int pkey;

	debugfs_remove(fuzz_dir);
	for (pkey = 0; pkey < PKS_NUM_KEYS; pkey++) {
		vunmap(fuzz.keys[pkey].page);
		if (fuzz.keys[pkey].frame)
			__free_page(fuzz.keys[pkey].frame);
	}
}

/* Each at a place of its own, which is not that of the direct map. */
static int fuzz_key_page(struct fuzz_key *key, int pkey)
{
	mutex_init(&key->mutex);
	key->frame = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (key->frame)
		key->page = vmap(&key->frame, 1, VM_MAP, PAGE_KERNEL_PKEY(pkey));
	return key->page ? 0 : -ENOMEM;
}

static int __init fuzz_init(void)
{
	int pkey, i, err = 0;

	if (!pks_available())
		return -EOPNOTSUPP;
	mutex_init(&fuzz.mutex);
	for (i = 0; i < FUZZ_COMMON; i++)
		mutex_init(&fuzz.common[i].mutex);
	for (pkey = 0; pkey < PKS_NUM_KEYS && !err; pkey++)
		err = fuzz_key_page(&fuzz.keys[pkey], pkey);
	if (err) {
		fuzz_cleanup();
		return err;
	}
	fuzz_dir = debugfs_create_dir("pks_fuzz", NULL);
	debugfs_create_file("run", 0400, fuzz_dir, NULL, &run_fops);
	debugfs_create_file("only", 0200, fuzz_dir, NULL, &only_fops);
	return 0;
}

module_init(fuzz_init);
module_exit(fuzz_cleanup);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Random calls of pks, and a model of what they do");
PKS_IMPORT_NS();
