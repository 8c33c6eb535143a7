/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every difference between the kernels served, and nothing else. The rest of the
 * module is written for the newest; one rule here for each change, named by the header
 * that has it. Which kernel has got the change is asked of that header, in Kbuild.compat
 * where the preprocessor can't: stable updates bring changes to older releases.
 */
#ifndef PKS_COMPAT_H
#define PKS_COMPAT_H

#include <linux/cpuhotplug.h>
#include <linux/hrtimer.h>
#include <linux/kprobes.h>
#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/preempt.h>
#include <linux/seq_file.h>
#include <linux/stacktrace.h>
#include <linux/static_call.h>
#include <linux/syscore_ops.h>
#include <asm/pgtable.h>
#include <asm/processor.h>
#include <asm/tlbflush.h>
#ifdef PKS_HAVE_CPUID_API
#include <asm/cpuid/api.h>
#endif

/* export.h: the namespace of an export became a string. */
#ifdef PKS_NAMESPACE_IS_TOKEN
#define EXPORT_SYMBOL_PKS(symbol)	EXPORT_SYMBOL_NS_GPL(symbol, PKS)
#else
#define EXPORT_SYMBOL_PKS(symbol)	EXPORT_SYMBOL_NS_GPL(symbol, "PKS")
#endif

/*
 * Callbacks that a CPU runs on its way up before anything else can run there
 * need a state in the enum, and there is no dynamic range that early. This one
 * belongs to an interrupt controller that no x86 machine has.
 */
#define PKS_CPUHP_STATE		CPUHP_AP_IRQ_GIC_STARTING

/* In the kernel's own image, not in a module, which may call its functions anything. */
static inline bool pks_is_kernels(unsigned long addr)
{
	return addr >= __START_KERNEL_map && addr < MODULES_VADDR;
}

/*
 * The address of a kernel function that is not exported, 0 if there is none. One
 * that may not be probed is refused after its address has been filled in. The probe is
 * never armed: the kernel's code stays as it is, and there is nothing to be undone for
 * which the kernel needs memory, and warns if it has none.
 */
static inline unsigned long pks_lookup(const char *name)
{
	unsigned long addr = 0;
#ifdef CONFIG_KPROBES
	struct kprobe kp = { .symbol_name = name, .flags = KPROBE_FLAG_DISABLED };

	if (!register_kprobe(&kp))
		unregister_kprobe(&kp);
	addr = (unsigned long)kp.addr;
#endif
	return pks_is_kernels(addr) ? addr : 0;
}

/* Have the static call go to a function that is not exported; 0 without it. */
#define pks_find(call, function)					\
({									\
	unsigned long __addr = pks_lookup(function);			\
									\
	if (__addr)							\
		static_call_update(call, (void *)__addr);		\
	__addr;								\
})

/*
 * kvm_types.h: cr4_update_irqsoff() is exported to KVM alone. The kernel's own
 * function it must be: only that one keeps the shadow of CR4 true.
 */
#ifdef PKS_CR4_EXPORTED_TO_KVM_ONLY
DECLARE_STATIC_CALL(pks_cr4_update, cr4_update_irqsoff);
#define PKS_CR4_FOUND_BY	"found with a kprobe"
#define PKS_DEFINE_CR4_UPDATE()	\
	DEFINE_STATIC_CALL_NULL(pks_cr4_update, cr4_update_irqsoff)

static inline bool pks_find_cr4_update(void)
{
	return pks_find(pks_cr4_update, "cr4_update_irqsoff");
}

static inline void pks_cr4_update(unsigned long set, unsigned long clear)
{
	static_call(pks_cr4_update)(set, clear);
}
#else
#define PKS_CR4_FOUND_BY	"exported"
#define PKS_DEFINE_CR4_UPDATE()	static_assert(true)

static inline bool pks_find_cr4_update(void)
{
	return true;
}

static inline void pks_cr4_update(unsigned long set, unsigned long clear)
{
	cr4_update_irqsoff(set, clear);
}
#endif

/* syscore_ops.h: the callbacks take data, and live apart from the list node. */
#ifdef PKS_HAVE_STRUCT_SYSCORE
#define PKS_DEFINE_SYSCORE(name, resume_fn)			\
	static void name##_resume(void *data) { resume_fn(); }	\
	static const struct syscore_ops name##_ops = {		\
		.resume = name##_resume,			\
	};							\
	static struct syscore name = { .ops = &name##_ops }
#else
#define PKS_DEFINE_SYSCORE(name, resume_fn)			\
	static struct syscore_ops name = { .resume = resume_fn }
#define register_syscore(ops)	register_syscore_ops(ops)
#define unregister_syscore(ops)	unregister_syscore_ops(ops)
#endif

/* hrtimer.h: a timer takes its function when it is set up. */
#ifndef PKS_HAVE_HRTIMER_SETUP
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*fn)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
}

static inline void hrtimer_setup_on_stack(struct hrtimer *timer,
					  enum hrtimer_restart (*fn)(struct hrtimer *),
					  clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init_on_stack(timer, clock, mode);
	timer->function = fn;
}
#endif

/* list.h: 6.1 has it from some point release on. */
#ifndef PKS_HAVE_LIST_COUNT_NODES
static inline size_t list_count_nodes(struct list_head *head)
{
	struct list_head *node;
	size_t nodes = 0;

	list_for_each(node, head)
		nodes++;
	return nodes;
}
#endif

/* mm_types.h: flags of an area of a process are a type of their own. */
#ifdef EMPTY_VMA_FLAGS
#define PKS_NO_VMA_FLAGS	EMPTY_VMA_FLAGS
#else
#define PKS_NO_VMA_FLAGS	0
#endif

/* 6.8: the largest order of pages has this name; 6.1 has the number of orders. */
#ifdef MAX_PAGE_ORDER
#define PKS_ORDER_MAX	MAX_PAGE_ORDER
#else
#define PKS_ORDER_MAX	(MAX_ORDER - 1)
#endif

/* seq_file.h: what DEFINE_SHOW_ATTRIBUTE() is, for files that are written to. */
#ifndef DEFINE_SHOW_STORE_ATTRIBUTE
#define DEFINE_SHOW_STORE_ATTRIBUTE(name)				\
	static int name##_open(struct inode *inode, struct file *file)	\
	{								\
		return single_open(file, name##_show, inode->i_private);	\
	}								\
	static const struct file_operations name##_fops = {		\
		.owner		= THIS_MODULE,				\
		.open		= name##_open,				\
		.read		= seq_read,				\
		.write		= name##_write,				\
		.llseek		= seq_lseek,				\
		.release	= single_release,			\
	}
#endif

/* ftrace.h: direct calls are registered by ops; a second interface had done that. */
#ifdef PKS_HAVE_FTRACE_DIRECT_MULTI
#define register_ftrace_direct(ops, addr)	register_ftrace_direct_multi(ops, addr)
#define unregister_ftrace_direct(ops, addr, free_filters)		\
	((void)(free_filters), unregister_ftrace_direct_multi(ops, addr))
#endif

/* stacktrace.h: not every kernel exports stack_trace_save_tsk(), which no header tells. */
#ifdef CONFIG_STACKTRACE
#define PKS_DEFINE_STACK_TRACE()	\
	DEFINE_STATIC_CALL_RET0(pks_stack_trace_save, stack_trace_save_tsk)
#define pks_find_stack_trace()	\
	pks_find(pks_stack_trace_save, "stack_trace_save_tsk")
#define pks_stack_trace(task, store, size)	\
	static_call(pks_stack_trace_save)(task, store, size, 0)
#define pks_stack_here(store, size)	stack_trace_save(store, size, 0)
#else
#define PKS_DEFINE_STACK_TRACE()	static_assert(true)
#define pks_find_stack_trace()		do { } while (0)
#define pks_stack_trace(task, store, size)	0
#define pks_stack_here(store, size)		0
#endif

/* Kernels without KVM have no preempt notifiers: PKS is not available there. */
#ifdef CONFIG_PREEMPT_NOTIFIERS
#define PKS_HAVE_PREEMPT_NOTIFIERS	1
#else
#define PKS_HAVE_PREEMPT_NOTIFIERS	0
struct preempt_notifier;
struct preempt_ops {
	void (*sched_in)(struct preempt_notifier *notifier, int cpu);
	void (*sched_out)(struct preempt_notifier *notifier,
			  struct task_struct *next);
};

struct preempt_notifier {
	struct hlist_node link;
	struct preempt_ops *ops;
};

static inline void preempt_notifier_inc(void) { }
static inline void preempt_notifier_dec(void) { }
static inline void preempt_notifier_register(struct preempt_notifier *n) { }
static inline void preempt_notifier_init(struct preempt_notifier *notifier,
					 struct preempt_ops *ops)
{
}
#endif

#endif /* PKS_COMPAT_H */
