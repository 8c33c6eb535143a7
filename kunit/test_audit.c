// SPDX-License-Identifier: GPL-2.0
/*
 * Audit: violations that are carried out do what they would have done, each is seen,
 * and nothing stays open after them.
 */
#include "pks_test.h"
#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <asm/segment.h>
#include <asm/smap.h>
#include <asm/trap_pf.h>
#include "../pks_compat.h"

struct pks_audit_held {
	const char	*name;
	enum pks_access	access;
	bool		write;
};

static const struct pks_audit_held pks_audit_helds[] = {
	{ "read of noaccess", PKS_NOACCESS, false },
	{ "write to noaccess", PKS_NOACCESS, true },
	{ "write to readonly", PKS_READONLY, true },
};

static void pks_audit_held_name(const struct pks_audit_held *held, char *desc)
{
	strscpy(desc, held->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(pks_audit_held, pks_audit_helds, pks_audit_held_name);

/* One access of @held, carried out. */
static void pks_audit_step(struct kunit *test, u64 *page, int pkey,
			   const struct pks_audit_held *held, u64 val)
{
	struct pks_try try = { .page = page, .write = held->write, .val = val };

	WRITE_ONCE(*pks_alias(page), held->write ? 0 : val);
	pks_violations_clear();
	pks_try(&try);
	KUNIT_EXPECT_EQ(test, try.err, 0);
	KUNIT_EXPECT_EQ(test, try.val, val);
	KUNIT_EXPECT_EQ(test, READ_ONCE(*pks_alias(page)), val);
	KUNIT_EXPECT_EQ(test, pks_violations(), 1);
	pks_expect_violation(test, pks_violation(0), &try, pkey, held->access,
			     PKS_FAULT_STEPPED);
	pks_expect_untouched(test, &try);
}

/* It happens, the key is closed again, and the next one is as much a violation. */
static void pks_audit_carries_out(struct kunit *test)
{
	const struct pks_audit_held *held = test->param_value;
	int pkey = pks_audited_key(test), other = pks_test_key(test, 0);
	int former, in_other, i;
	u64 *page = pks_test_page(test, pkey);
	u32 pkrs;

	/* With another key open, which stays so. */
	in_other = pks_enter(other, PKS_READWRITE);
	former = pks_enter(pkey, held->access);
	pkrs = pks_current_pkrs();
	for (i = 1; i <= 5; i++)
		pks_audit_step(test, page, pkey, held, 0xbeef + i);
	KUNIT_EXPECT_EQ(test, pks_current_pkrs(), pkrs);
	KUNIT_EXPECT_EQ(test, pks_test_rdmsr(), pkrs);
	pks_leave(pkey, former);
	pks_leave(other, in_other);
	pks_expect_closed(test, "afterwards");
}

static void pks_audit_counts_each(struct kunit *test)
{
	int pkey = pks_audited_key(test), i;
	u64 *page = pks_test_page(test, pkey), val;

	pks_violations_clear();
	for (i = 0; i < 1000; i++) {
		KUNIT_EXPECT_EQ(test, 0, pks_try_write(page, i));
		KUNIT_EXPECT_EQ(test, 0, pks_try_read(page, &val));
		KUNIT_EXPECT_EQ(test, val, i);
	}
	KUNIT_EXPECT_EQ(test, pks_violations(), 2000);
	KUNIT_EXPECT_EQ(test, pks_violations_that(PKS_FAULT_STEPPED), 2000);
	pks_expect_closed(test, "afterwards");
}

/* No exception table: only what is carried out gets past it. */
static void pks_rep_movsb(void *dst, const void *src, unsigned long n)
{
	asm volatile("rep movsb" : "+D" (dst), "+S" (src), "+c" (n) : : "memory");
}

static void pks_rep_movsb_down(void *dst, const void *src, unsigned long n)
{
	dst += n - 1;
	src += n - 1;
	asm volatile("std\n"
		     "rep movsb\n"
		     "cld"
		     : "+D" (dst), "+S" (src), "+c" (n) : : "memory", "cc");
}

#define PKS_AUDIT_BYTES	37

static void pks_audit_fill(u8 *bytes, unsigned int seed)
{
	int i;

	for (i = 0; i < PKS_AUDIT_BYTES; i++)
		bytes[i] = seed + i * 7;
}

/* Each iteration is a violation of its own, at the next address. */
static void pks_audit_expect_run(struct kunit *test, const void *page, int pkey,
				 enum pks_access access, bool down)
{
	int i;

	KUNIT_ASSERT_EQ(test, pks_violations(), PKS_AUDIT_BYTES);
	for (i = 0; i < PKS_AUDIT_BYTES; i++) {
		const struct pks_fault_info *info = &pks_violation(i)->info;
		int at = down ? PKS_AUDIT_BYTES - 1 - i : i;

		KUNIT_EXPECT_EQ(test, info->address, (unsigned long)page + at);
		KUNIT_EXPECT_EQ(test, info->pkey, pkey);
		KUNIT_EXPECT_EQ(test, info->access, access);
		KUNIT_EXPECT_EQ(test, info->outcome, PKS_FAULT_STEPPED);
		KUNIT_EXPECT_EQ(test, info->ip, pks_violation(0)->info.ip);
	}
}

static void pks_audit_rep(struct kunit *test)
{
	int pkey = pks_audited_key(test);
	u64 *page = pks_test_page(test, pkey);
	u8 bytes[PKS_AUDIT_BYTES], copy[PKS_AUDIT_BYTES] = { };

	pks_audit_fill(bytes, 1);
	pks_violations_clear();
	pks_rep_movsb(page, bytes, sizeof(bytes));
	pks_audit_expect_run(test, page, pkey, PKS_READWRITE, false);
	KUNIT_EXPECT_EQ(test, 0, memcmp(pks_alias(page), bytes, sizeof(bytes)));

	pks_violations_clear();
	pks_rep_movsb(copy, page, sizeof(copy));
	pks_audit_expect_run(test, page, pkey, PKS_READONLY, false);
	KUNIT_EXPECT_EQ(test, 0, memcmp(copy, bytes, sizeof(copy)));

	pks_audit_fill(bytes, 99);
	pks_violations_clear();
	pks_rep_movsb_down(page, bytes, sizeof(bytes));
	pks_audit_expect_run(test, page, pkey, PKS_READWRITE, true);
	KUNIT_EXPECT_EQ(test, 0, memcmp(pks_alias(page), bytes, sizeof(bytes)));
	pks_expect_closed(test, "afterwards");
}

static void pks_audit_expect_two(struct kunit *test, int from, int to)
{
	KUNIT_ASSERT_EQ(test, pks_violations(), 2);
	KUNIT_EXPECT_EQ(test, pks_violation(0)->info.pkey, from);
	KUNIT_EXPECT_EQ(test, pks_violation(0)->info.access, PKS_READONLY);
	KUNIT_EXPECT_EQ(test, pks_violation(1)->info.pkey, to);
	KUNIT_EXPECT_EQ(test, pks_violation(1)->info.access, PKS_READWRITE);
	KUNIT_EXPECT_EQ(test, pks_violations_that(PKS_FAULT_STEPPED), 2);
	KUNIT_EXPECT_EQ(test, pks_violation(0)->info.ip,
			pks_violation(1)->info.ip);
}

static void pks_movsq(u64 *dst, const u64 *src)
{
	asm volatile("movsq" : "+D" (dst), "+S" (src) : : "memory");
}

/* One instruction that reads one key's page and writes another's. */
static void pks_audit_two_keys(struct kunit *test)
{
	int from = pks_audited_key(test), to = pks_audited_key(test);
	u64 *source = pks_test_page(test, from), *target = pks_test_page(test, to);
	struct pks_try try = { .page = source };
	u32 pkrs;

	WRITE_ONCE(*pks_alias(source), 0x1234);
	pks_violations_clear();
	pks_movsq(target, source);
	pks_audit_expect_two(test, from, to);
	KUNIT_EXPECT_EQ(test, READ_ONCE(*pks_alias(target)), 0x1234);
	pkrs = pks_violation(1)->info.pkrs;
	KUNIT_EXPECT_EQ(test, (pkrs >> 2 * to) & 3, PKS_NOACCESS);
	pks_expect_closed(test, "afterwards");

	/* Both are closed again, not only the second. */
	pks_violations_clear();
	pks_try(&try);
	KUNIT_EXPECT_EQ(test, pks_violations(), 1);
}

/* It reads what it is then let to write. */
static void pks_audit_one_key_twice(struct kunit *test)
{
	int pkey = pks_audited_key(test);
	u64 *page = pks_test_page(test, pkey);

	WRITE_ONCE(*pks_alias(page), 0x4321);
	pks_violations_clear();
	pks_movsq(page + 9, page);
	pks_audit_expect_two(test, pkey, pkey);
	KUNIT_EXPECT_EQ(test, READ_ONCE(pks_alias(page)[9]), 0x4321);
	pks_expect_closed(test, "afterwards");
}

/* The first key may be touched, the second is denied: neither stays open. */
static void pks_audit_second_key_denied(struct kunit *test)
{
	int from = pks_audited_key(test), to = pks_test_key(test, 0);
	u64 *source = pks_test_page(test, from), *target = pks_test_page(test, to);
	u64 *dst = target;
	int err = -EFAULT;

	WRITE_ONCE(*pks_alias(source), 0x1234);
	pks_violations_clear();
	asm volatile("1:	movsq\n"
		     "	mov	$0, %[err]\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [err] "+&r" (err), "+D" (dst), "+S" (source)
		     : : "memory");
	KUNIT_EXPECT_EQ(test, err, -EFAULT);
	KUNIT_EXPECT_EQ(test, READ_ONCE(*pks_alias(target)), 0);
	KUNIT_EXPECT_EQ(test, pks_violations(), 2);
	KUNIT_EXPECT_EQ(test, pks_violations_that(PKS_FAULT_STEPPED), 1);
	KUNIT_EXPECT_EQ(test, pks_violations_that(PKS_FAULT_STOPPED), 1);
	pks_expect_closed(test, "afterwards");
}

/*
 * Instructions of all kinds: with %rdi on the page and %rsi on ordinary memory.
 * They have to do the same on a closed page as on any.
 */
struct pks_insn_regs {
	unsigned long	ax, bx, cx, dx, si, di, flags;
};

struct pks_insn {
	const char	*text;
	void		(*run)(struct pks_insn_regs *r, void *page, void *other);
};

#define PKS_INSN(name, text)							\
static void pks_insn_##name(struct pks_insn_regs *r, void *page, void *other)	\
{										\
	void *at = page, *from = other;						\
										\
	/* The flags are those of the instruction, and not of what was before. */ \
	asm volatile("pushq	%[start]\n"					\
		     "popf\n"							\
		     text "\n"							\
		     "pushf\n"							\
		     "pop	%[flags]\n"						\
		     : "+a" (r->ax), "+b" (r->bx), "+c" (r->cx), "+d" (r->dx),	\
		       "+D" (at), "+S" (from), [flags] "=&r" (r->flags)		\
		     : [start] "i" (X86_EFLAGS_FIXED | X86_EFLAGS_IF)		\
		     : "memory", "cc");						\
	r->di = at - page;							\
	r->si = from - other;							\
}

PKS_INSN(load, "mov (%%rdi), %%rax")
PKS_INSN(load_byte, "movb 3(%%rdi), %%al")
PKS_INSN(load_extended, "movzwl 5(%%rdi), %%eax")
PKS_INSN(store, "mov %%rax, (%%rdi)")
PKS_INSN(store_byte, "movb %%al, 7(%%rdi)")
PKS_INSN(store_immediate, "movl $-77, 12(%%rdi)")
PKS_INSN(store_nontemporal, "movnti %%rax, 16(%%rdi)")
PKS_INSN(compare, "cmp (%%rdi), %%rax")
PKS_INSN(add_from, "add (%%rdi), %%rax")
PKS_INSN(add_to, "add %%rax, (%%rdi)")
PKS_INSN(adc_to, "stc; adc %%rax, (%%rdi)")
PKS_INSN(increment, "incl 4(%%rdi)")
PKS_INSN(shift, "shlq $3, (%%rdi)")
PKS_INSN(multiply, "imul (%%rdi), %%rax")
PKS_INSN(bit, "lock btsq $9, (%%rdi)")
PKS_INSN(exchange, "xchg %%rax, (%%rdi)")
PKS_INSN(exchange_add, "lock xadd %%rax, (%%rdi)")
PKS_INSN(cmpxchg_fails, "lock cmpxchg %%rdx, (%%rdi)")
PKS_INSN(cmpxchg_works, "mov 64(%%rsi), %%rax; lock cmpxchg %%rdx, (%%rdi)")
PKS_INSN(cmpxchg16b, "lock cmpxchg16b (%%rdi)")
PKS_INSN(push, "pushq (%%rdi); popq %%rax")
PKS_INSN(pop, "pushq %%rax; popq (%%rdi)")
PKS_INSN(string_move, "movsl")
PKS_INSN(string_load, "xchg %%rsi, %%rdi; lodsq; xchg %%rsi, %%rdi")
PKS_INSN(string_store, "mov $5, %%ecx; rep stosq")
PKS_INSN(string_store_down, "std; mov $2, %%ecx; add $64, %%rdi; rep stosw; cld")
PKS_INSN(string_compare, "mov $40, %%ecx; repe cmpsb")
PKS_INSN(string_scan, "xor %%eax, %%eax; mov $100, %%ecx; repne scasb")
PKS_INSN(string_of_none, "xor %%ecx, %%ecx; rep stosb; movb $1, (%%rdi)")
PKS_INSN(under_lock_prefix, "lock negq 8(%%rdi)")
PKS_INSN(interrupts_off, "cli; mov (%%rdi), %%rax; sti")
PKS_INSN(shadow_of_sti, "cli; sti; mov (%%rdi), %%rax")

#define PKS_INSN_ROW(name)	{ #name, pks_insn_##name }

static const struct pks_insn pks_insns[] = {
	PKS_INSN_ROW(load), PKS_INSN_ROW(load_byte), PKS_INSN_ROW(load_extended),
	PKS_INSN_ROW(store), PKS_INSN_ROW(store_byte),
	PKS_INSN_ROW(store_immediate), PKS_INSN_ROW(store_nontemporal),
	PKS_INSN_ROW(compare), PKS_INSN_ROW(add_from), PKS_INSN_ROW(add_to),
	PKS_INSN_ROW(adc_to), PKS_INSN_ROW(increment), PKS_INSN_ROW(shift),
	PKS_INSN_ROW(multiply), PKS_INSN_ROW(bit), PKS_INSN_ROW(exchange),
	PKS_INSN_ROW(exchange_add), PKS_INSN_ROW(cmpxchg_fails),
	PKS_INSN_ROW(cmpxchg_works), PKS_INSN_ROW(cmpxchg16b),
	PKS_INSN_ROW(push), PKS_INSN_ROW(pop), PKS_INSN_ROW(string_move),
	PKS_INSN_ROW(string_load), PKS_INSN_ROW(string_store),
	PKS_INSN_ROW(string_store_down), PKS_INSN_ROW(string_compare),
	PKS_INSN_ROW(string_scan), PKS_INSN_ROW(string_of_none),
	PKS_INSN_ROW(under_lock_prefix), PKS_INSN_ROW(interrupts_off),
	PKS_INSN_ROW(shadow_of_sti),
};

static void pks_insn_name(const struct pks_insn *insn, char *desc)
{
	strscpy(desc, insn->text, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(pks_insn, pks_insns, pks_insn_name);

static void pks_insn_run(const struct pks_insn *insn, struct pks_insn_regs *r,
			 u64 *page, u64 *alias, u64 *other)
{
	int i;

	for (i = 0; i < 16; i++) {
		alias[i] = 0x0102030405060708ULL * (i + 1);
		other[i] = alias[i];
	}
	other[8] = alias[0];
	alias[4] ^= 0xff0000;
	*r = (struct pks_insn_regs){ 0x1111, 0x2222, 3, 0x4444 };
	insn->run(r, page, other);
}

static void pks_audit_instruction(struct kunit *test)
{
	int pkey = pks_audited_key(test);
	u64 *page = pks_test_page(test, pkey), *plain = pks_test_page(test, 0);
	struct pks_insn_regs expected, seen;
	u64 others[2][16];

	pks_insn_run(test->param_value, &expected, plain, plain, others[0]);
	pks_violations_clear();
	pks_insn_run(test->param_value, &seen, page, pks_alias(page), others[1]);
	KUNIT_EXPECT_GE(test, pks_violations(), 1);
	KUNIT_EXPECT_EQ(test, pks_violations_that(PKS_FAULT_STEPPED),
			pks_violations());
	pks_expect_closed(test, "afterwards");

	KUNIT_EXPECT_EQ(test, seen.ax, expected.ax);
	KUNIT_EXPECT_EQ(test, seen.bx, expected.bx);
	KUNIT_EXPECT_EQ(test, seen.cx, expected.cx);
	KUNIT_EXPECT_EQ(test, seen.dx, expected.dx);
	KUNIT_EXPECT_EQ(test, seen.si, expected.si);
	KUNIT_EXPECT_EQ(test, seen.di, expected.di);
	KUNIT_EXPECT_EQ(test, seen.flags, expected.flags);
	KUNIT_EXPECT_EQ(test, 0, memcmp(pks_alias(page), plain, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, 0, memcmp(others[1], others[0], sizeof(others[0])));
}

/* An access that goes over the end of one page into the next. */
static void pks_audit_two_pages(struct kunit *test)
{
	int pkey = pks_audited_key(test), i;
	struct page *pages[2];
	void *map = NULL;
	struct pks_try try;

	for (i = 0; i < 2; i++)
		pages[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (pages[0] && pages[1])
		map = vmap(pages, 2, VM_MAP, PAGE_KERNEL_PKEY(pkey));
	if (map) {
		try = (struct pks_try){
			.page	= map + PAGE_SIZE - 3,
			.write	= true,
			.val	= 0x0807060504030201ULL,
		};
		pks_violations_clear();
		pks_try(&try);
		vunmap(map);
		KUNIT_EXPECT_EQ(test, try.err, 0);
		KUNIT_EXPECT_EQ(test, pks_violations(), 1);
		KUNIT_EXPECT_EQ(test, 0x0201, *(u16 *)(page_address(pages[0]) +
						       PAGE_SIZE - 3));
		KUNIT_EXPECT_EQ(test, 0x08070605UL,
				*(u32 *)(page_address(pages[1]) + 1));
		pks_expect_untouched(test, &try);
	}
	for (i = 0; i < 2; i++) {
		if (pages[i])
			__free_page(pages[i]);
	}
	KUNIT_EXPECT_NOT_NULL(test, map);
}

/* The instruction fails for another reason, once its key is open. */
struct pks_audit_trap {
	const char	*name;
	int		(*run)(u64 *page);
};

static int pks_trap_division(u64 *page)
{
	unsigned long low = 7, high = 0;
	int err = -EFAULT;

	asm volatile("1:	divq	(%[page])\n"
		     "	mov	$0, %[err]\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [err] "+&r" (err), "+a" (low), "+d" (high)
		     : [page] "r" (page)
		     : "memory");
	return err;
}

static int pks_trap_move_to(u64 *page, unsigned long where)
{
	int err = -EFAULT;

	asm volatile("1:	movsq\n"
		     "	mov	$0, %[err]\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [err] "+&r" (err), "+D" (where), "+S" (page)
		     : : "memory");
	return err;
}

static int pks_trap_not_canonical(u64 *page)
{
	return pks_trap_move_to(page, 1UL << 62);
}

/* The guard page behind the mapping. */
static int pks_trap_not_mapped(u64 *page)
{
	return pks_trap_move_to(page, (unsigned long)page + PAGE_SIZE);
}

static const struct pks_audit_trap pks_audit_traps[] = {
	{ "division by zero", pks_trap_division },
	{ "address that is not canonical", pks_trap_not_canonical },
	{ "address that is not mapped", pks_trap_not_mapped },
};

static void pks_audit_trap_name(const struct pks_audit_trap *trap, char *desc)
{
	strscpy(desc, trap->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(pks_audit_trap, pks_audit_traps, pks_audit_trap_name);

static void pks_audit_traps_inside(struct kunit *test)
{
	const struct pks_audit_trap *trap = test->param_value;
	int pkey = pks_audited_key(test), i;
	u64 *page = pks_test_page(test, pkey);

	for (i = 0; i < 3; i++) {
		pks_violations_clear();
		KUNIT_EXPECT_EQ(test, trap->run(page), -EFAULT);
		KUNIT_EXPECT_EQ(test, pks_violations(), 1);
		pks_expect_closed(test, trap->name);
	}
	pks_violations_clear();
	KUNIT_EXPECT_EQ(test, 0, pks_try_write(page, 1));
	KUNIT_EXPECT_EQ(test, pks_violations(), 1);
}

/* A process whose memory can be used, and an address in it. */
struct pks_audit_user {
	struct task_struct	*task;
	struct mm_struct	*mm;
	unsigned long		map;
};

static void pks_audit_user_starts(void *data)
{
	struct pks_audit_user *user = data;

	user->task = get_task_struct(current);
}

static void pks_audit_user_end(struct pks_audit_user *user)
{
	if (user->mm) {
		kthread_unuse_mm(user->mm);
		mmput(user->mm);
	}
	send_sig(SIGKILL, user->task, 1);
	put_task_struct(user->task);
}

static void pks_audit_user_begin(struct kunit *test, struct pks_audit_user *user)
{
	struct pks_shell shell = {
		/* Nothing else is executed: its memory stays what it is. */
		.command	= "kill -STOP $$; :",
		.act		= pks_audit_user_starts,
		.data		= user,
	};
	int err;

	*user = (struct pks_audit_user){ };
	err = pks_shell_run(test, &shell, UMH_WAIT_EXEC);
	if (!err)
		user->mm = get_task_mm(user->task);
	if (user->mm) {
		kthread_use_mm(user->mm);
		user->map = vm_mmap(NULL, 0, 4 * PAGE_SIZE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, 0);
	}
	if (user->task && (!user->mm || IS_ERR_VALUE(user->map)))
		pks_audit_user_end(user);
	if (err)
		kunit_skip(test, "/bin/sh can't be run");
	KUNIT_ASSERT_TRUE(test, user->mm && !IS_ERR_VALUE(user->map));
}

static int pks_user_movsq(unsigned long to, unsigned long from)
{
	int err = -EFAULT;

	stac();
	asm volatile("1:	movsq\n"
		     "	mov	$0, %[err]\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [err] "+&r" (err), "+D" (to), "+S" (from)
		     : : "memory");
	clac();
	return err;
}

/*
 * The same instruction touches a closed page, which is a violation, and a page that
 * its process has yet to be given: it begins anew after that.
 */
static void pks_audit_user_page(struct kunit *test)
{
	int pkey = pks_audited_key(test);
	u64 *page = pks_test_page(test, pkey), val = 0;
	struct pks_audit_user user;

	pks_audit_user_begin(test, &user);
	WRITE_ONCE(*pks_alias(page), 0xfeed);
	pks_violations_clear();
	KUNIT_EXPECT_EQ(test, 0, pks_user_movsq(user.map, (unsigned long)page));
	KUNIT_EXPECT_EQ(test, pks_violations(), 2);
	KUNIT_EXPECT_EQ(test, pks_violations_that(PKS_FAULT_STEPPED), 2);
	pks_expect_closed(test, "to a fresh page");
	KUNIT_EXPECT_EQ(test, 0, copy_from_user(&val, (void __user *)user.map, 8));
	KUNIT_EXPECT_EQ(test, val, 0xfeed);

	/* It is there now. */
	pks_violations_clear();
	KUNIT_EXPECT_EQ(test, 0, pks_user_movsq(user.map + 8, (unsigned long)page));
	KUNIT_EXPECT_EQ(test, pks_violations(), 1);
	pks_expect_closed(test, "to a page that is there");

	/* From a fresh page, which is brought in before the write is tried. */
	pks_violations_clear();
	KUNIT_EXPECT_EQ(test, 0, pks_user_movsq((unsigned long)page,
						user.map + PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, pks_violations(), 1);
	KUNIT_EXPECT_EQ(test, READ_ONCE(*pks_alias(page)), 0);
	pks_expect_closed(test, "from a fresh page");
	pks_audit_user_end(&user);
}

static void pks_audit_no_fault(struct pt_regs *regs, unsigned long error_code,
			       unsigned long address)
{
}

DEFINE_STATIC_CALL(pks_audit_kern_addr_fault, pks_audit_no_fault);

/*
 * A process that touches the kernel's memory is not for pks to judge, even if the CPU
 * should name the key: it gets its signal. This CPU does not, so that is made up.
 */
static void pks_audit_not_of_user_space(struct kunit *test)
{
	struct pt_regs regs = {
		.ip	= PAGE_SIZE,
		.cs	= __USER_CS,
		.ss	= __USER_DS,
		.flags	= X86_EFLAGS_IF | X86_EFLAGS_FIXED,
	};
	int pkey = pks_audited_key(test);
	u64 *page = pks_test_page(test, pkey), val;
	struct pks_audit_user user;

	if (!pks_find(pks_audit_kern_addr_fault, "do_kern_addr_fault"))
		kunit_skip(test, "do_kern_addr_fault() can't be found");
	pks_audit_user_begin(test, &user);
	pks_violations_clear();
	local_irq_disable();
	static_call(pks_audit_kern_addr_fault)(&regs, X86_PF_USER | PKS_TEST_PF_READ,
					       (unsigned long)page);
	local_irq_enable();
	pks_audit_user_end(&user);
	KUNIT_EXPECT_EQ(test, pks_violations(), 0);
	KUNIT_EXPECT_EQ(test, regs.flags, X86_EFLAGS_IF | X86_EFLAGS_FIXED);
	KUNIT_EXPECT_TRUE(test, sigismember(&current->pending.signal, SIGSEGV));
	flush_signals(current);
	KUNIT_EXPECT_EQ(test, pks_try_read(page, &val), 0);
	KUNIT_EXPECT_EQ(test, pks_violations_that(PKS_FAULT_STEPPED), 1);
}

/* And when it can't be brought in. */
static void pks_audit_user_page_missing(struct kunit *test)
{
	int pkey = pks_audited_key(test);
	u64 *page = pks_test_page(test, pkey);
	struct pks_audit_user user;

	pks_audit_user_begin(test, &user);
	vm_munmap(user.map + PAGE_SIZE, PAGE_SIZE);
	pks_violations_clear();
	KUNIT_EXPECT_EQ(test, -EFAULT, pks_user_movsq(user.map + PAGE_SIZE,
						      (unsigned long)page));
	KUNIT_EXPECT_EQ(test, pks_violations(), 1);
	pks_expect_closed(test, "to a page that there is not");
	pks_audit_user_end(&user);
}

static void pks_audit_user_copy(struct kunit *test)
{
	int pkey = pks_audited_key(test);
	u64 *page = pks_test_page(test, pkey);
	struct pks_audit_user user;
	u8 *bytes, *back;
	int i;

	bytes = (u8 *)pks_alias(page);
	back = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, back);
	pks_audit_user_begin(test, &user);
	for (i = 0; i < PAGE_SIZE; i++)
		bytes[i] = i * 13;
	pks_violations_clear();
	/* Into two pages, neither of which is there. */
	KUNIT_EXPECT_EQ(test, 0, copy_to_user((void __user *)user.map + 4001, page,
					      1000));
	KUNIT_EXPECT_GT(test, pks_violations(), 0);
	pks_expect_closed(test, "copy_to_user");
	KUNIT_EXPECT_EQ(test, 0, copy_from_user(back, (void __user *)user.map + 4001,
						1000));
	KUNIT_EXPECT_EQ(test, 0, memcmp(back, bytes, 1000));

	pks_violations_clear();
	KUNIT_EXPECT_EQ(test, 0, copy_from_user((u8 *)page + 2000,
						(void __user *)user.map + 4001,
						1000));
	KUNIT_EXPECT_GT(test, pks_violations(), 0);
	KUNIT_EXPECT_EQ(test, 0, memcmp(bytes + 2000, bytes, 1000));
	pks_expect_closed(test, "copy_from_user");
	pks_audit_user_end(&user);
}

KUNIT_ARRAY_PARAM(pks_place, pks_places, pks_place_name);

/*
 * In an NMI the key stays open to its end, and what is given back then is what it
 * interrupted.
 */
static void pks_audit_expect_after(struct kunit *test, const struct pks_try *try,
				   int pkey, const struct pks_place *place)
{
	u32 open = pks_test_pkrs(pkey, try->write ? PKS_READWRITE : PKS_READONLY);

	if (strcmp(place->context, "NMI")) {
		pks_expect_untouched(test, try);
		return;
	}
	KUNIT_EXPECT_EQ(test, try->flags[0], try->flags[1]);
	KUNIT_EXPECT_EQ(test, try->rights[0].word, PKS_TEST_CLOSED);
	KUNIT_EXPECT_EQ(test, try->rights[0].msr, PKS_TEST_CLOSED);
	KUNIT_EXPECT_EQ(test, try->rights[1].word, open);
	KUNIT_EXPECT_EQ(test, try->rights[1].msr, open);
}

static void pks_audit_anywhere(struct kunit *test)
{
	int pkey = pks_audited_key(test), write;
	u64 *page = pks_test_page(test, pkey);

	for (write = 0; write < 2; write++) {
		struct pks_try try = { .page = page, .write = write, .val = 0x77 };

		WRITE_ONCE(*pks_alias(page), write ? 0 : 0x77);
		pks_violations_clear();
		pks_place_do(test, test->param_value, pks_try, &try);
		KUNIT_EXPECT_EQ(test, try.err, 0);
		KUNIT_EXPECT_EQ(test, try.val, 0x77);
		KUNIT_EXPECT_EQ(test, READ_ONCE(*pks_alias(page)), 0x77);
		KUNIT_EXPECT_EQ(test, pks_violations(), 1);
		pks_expect_violation(test, pks_violation(0), &try, pkey,
				     PKS_NOACCESS, PKS_FAULT_STEPPED);
		pks_audit_expect_after(test, &try, pkey, test->param_value);
		pks_expect_closed(test, "afterwards");
	}
}

/* A thread that violates, here and there. */
struct pks_audit_storm {
	struct pks_part	part;
	unsigned int	tries;
	unsigned int	done;
	unsigned int	denied;
	unsigned int	wrong;
	bool		pinned;
	bool		until_stop;
};

static void pks_audit_storm_try(struct pks_audit_storm *storm, unsigned int i)
{
	struct pks_try try = {
		.page = storm->part.page, .write = !(i & 1), .val = i,
	};

	pks_try(&try);
	storm->done++;
	storm->denied += !!try.err;
	if (!try.err && try.val != (i & ~1U))
		storm->wrong++;
	if (try.flags[0] != try.flags[1] ||
	    try.rights[1].word != PKS_TEST_CLOSED ||
	    try.rights[1].msr != PKS_TEST_CLOSED)
		storm->wrong++;
}

static void pks_audit_storm_act(void *data)
{
	struct pks_audit_storm *storm = data;
	unsigned int i, cpu = 0;

	for (i = 0; storm->until_stop ? !READ_ONCE(storm->part.stop) :
					i < storm->tries; i++) {
		pks_audit_storm_try(storm, i);
		if (!storm->pinned && !(i % 64)) {
			cpu = cpumask_next(cpu, cpu_online_mask);
			if (cpu >= nr_cpu_ids)
				cpu = 0;
			set_cpus_allowed_ptr(current, cpumask_of(cpu));
			set_cpus_allowed_ptr(current, cpu_possible_mask);
		}
		cond_resched();
	}
}

#define PKS_AUDIT_STORMS	8
#define PKS_AUDIT_TRIES	2000

/* More threads than CPUs, moved around, each with what it wrote. */
static void pks_audit_everywhere(struct kunit *test)
{
	struct pks_audit_storm storms[PKS_AUDIT_STORMS];
	struct pks_actor *actors[PKS_AUDIT_STORMS];
	int pkey = pks_audited_key(test), i;

	pks_violations_clear();
	for (i = 0; i < PKS_AUDIT_STORMS; i++) {
		storms[i] = (struct pks_audit_storm){
			.part.page	= pks_test_page(test, pkey),
			.tries		= PKS_AUDIT_TRIES,
		};
		actors[i] = pks_actor(test, "pks-storm", -1);
	}
	for (i = 0; i < PKS_AUDIT_STORMS; i++)
		pks_actor_begin(actors[i], pks_audit_storm_act, &storms[i]);
	for (i = 0; i < PKS_AUDIT_STORMS; i++) {
		KUNIT_ASSERT_TRUE(test, pks_actor_wait(actors[i]));
		KUNIT_EXPECT_EQ(test, storms[i].denied, 0);
		KUNIT_EXPECT_EQ(test, storms[i].wrong, 0);
	}
	KUNIT_EXPECT_EQ(test, pks_violations(),
			PKS_AUDIT_STORMS * PKS_AUDIT_TRIES);
	KUNIT_EXPECT_EQ(test, pks_violations_that(PKS_FAULT_STEPPED),
			PKS_AUDIT_STORMS * PKS_AUDIT_TRIES);
}

/* Set @policy, and wait until it has decided a violation. */
static void pks_audit_meet(struct kunit *test, int pkey, enum pks_policy policy)
{
	enum pks_fault_outcome outcome = policy == PKS_POLICY_DENY ? PKS_FAULT_STOPPED :
								      PKS_FAULT_STEPPED;
	unsigned long end = jiffies + PKS_TEST_LONG_PATIENCE;
	unsigned int before;

	KUNIT_EXPECT_EQ(test, 0, pks_set_policy(pkey, policy));
	before = pks_violations_that(outcome);
	while (pks_violations_that(outcome) == before && time_before(jiffies, end))
		usleep_range(200, 500);
}

/* To and fro under them: each is one or the other, and is counted as that. */
static void pks_audit_changed_meanwhile(struct kunit *test)
{
	struct pks_audit_storm storms[PKS_AUDIT_STORMS];
	struct pks_actor *actors[PKS_AUDIT_STORMS];
	int pkey = pks_audited_key(test), i;
	unsigned int done = 0, denied = 0;

	pks_violations_clear();
	for (i = 0; i < PKS_AUDIT_STORMS; i++) {
		storms[i] = (struct pks_audit_storm){
			.part.page	= pks_test_page(test, pkey),
			.until_stop	= true,
		};
		actors[i] = pks_actor(test, "pks-storm", -1);
		pks_actor_begin(actors[i], pks_audit_storm_act, &storms[i]);
	}
	for (i = 0; i < 50; i++)
		KUNIT_EXPECT_EQ(test, 0, pks_set_policy(pkey, i & 1 ?
							PKS_POLICY_REPORT :
							PKS_POLICY_DENY));
	/* The storms may have had no CPU while it changed. */
	pks_audit_meet(test, pkey, PKS_POLICY_DENY);
	pks_audit_meet(test, pkey, PKS_POLICY_REPORT);
	for (i = 0; i < PKS_AUDIT_STORMS; i++)
		WRITE_ONCE(storms[i].part.stop, true);
	for (i = 0; i < PKS_AUDIT_STORMS; i++) {
		KUNIT_ASSERT_TRUE(test, pks_actor_wait(actors[i]));
		done += storms[i].done;
		denied += storms[i].denied;
	}
	KUNIT_EXPECT_EQ(test, pks_violations(), done);
	KUNIT_EXPECT_EQ(test, pks_violations_that(PKS_FAULT_STOPPED), denied);
	KUNIT_EXPECT_EQ(test, pks_violations_that(PKS_FAULT_STEPPED),
			done - denied);
	KUNIT_EXPECT_GT(test, denied, 0);
	KUNIT_EXPECT_LT(test, denied, done);
}

struct pks_audit_nmi {
	int		pkey;
	u64		*page;
	unsigned int	done;
	unsigned int	wrong;
};

/* A violation, after which the key is open, and an access that is none. */
static void pks_audit_nmi_act(void *data)
{
	struct pks_audit_nmi *nmi = data;
	struct pks_try try = { .page = nmi->page, .write = true, .val = nmi->done };
	u64 val;

	pks_try(&try);
	nmi->done++;
	nmi->wrong += try.err || pks_try_read(nmi->page, &val) || val != try.val;
	nmi->wrong += try.flags[0] != try.flags[1] ||
		try.rights[0].msr != PKS_TEST_CLOSED ||
		try.rights[1].msr != pks_test_pkrs(nmi->pkey, PKS_READWRITE);
}

/* NMIs that violate, at any point of a step of the thread below. */
static void pks_audit_nmis_in_steps(struct kunit *test)
{
	const unsigned int nmis = 300;
	struct pks_audit_storm thread;
	struct pks_audit_nmi nmi;
	struct pks_actor *actor;
	int pkey = pks_audited_key(test);
	unsigned int cpu;

	cpu = pks_other_cpu(test);
	thread = (struct pks_audit_storm){
		.part.page	= pks_test_page(test, pkey),
		.pinned		= true,
		.until_stop	= true,
	};
	nmi = (struct pks_audit_nmi){
		.pkey = pkey, .page = pks_test_page(test, pkey),
	};
	actor = pks_actor(test, "pks-stepped", cpu);
	KUNIT_ASSERT_EQ(test, 0, pks_nmis_begin(test));
	pks_violations_clear();
	pks_actor_begin(actor, pks_audit_storm_act, &thread);
	pks_nmis_send(cpu, nmis, pks_audit_nmi_act, &nmi);
	WRITE_ONCE(thread.part.stop, true);
	KUNIT_EXPECT_TRUE(test, pks_actor_wait(actor));
	pks_nmis_end(test);
	set_cpus_allowed_ptr(current, cpu_possible_mask);

	KUNIT_EXPECT_EQ(test, nmi.done, nmis);
	KUNIT_EXPECT_EQ(test, nmi.wrong, 0);
	KUNIT_EXPECT_GT(test, thread.done, 0);
	KUNIT_EXPECT_EQ(test, thread.denied, 0);
	KUNIT_EXPECT_EQ(test, thread.wrong, 0);
	KUNIT_EXPECT_EQ(test, pks_violations(), nmis + thread.done);
	KUNIT_EXPECT_EQ(test, pks_violations_that(PKS_FAULT_STEPPED),
			pks_violations());
}

/* Kprobes: one on the violating instruction runs a copy of it elsewhere. */
static unsigned int pks_probe_hits, pks_probe_passed;
static struct pks_try *pks_probe_try;

static int pks_probe_pre(struct kprobe *kp, struct pt_regs *regs)
{
	pks_probe_hits++;
	if (pks_probe_try)
		pks_try(pks_probe_try);
	return 0;
}

static void pks_probe_post(struct kprobe *kp, struct pt_regs *regs,
			   unsigned long flags)
{
	pks_probe_passed++;
}

struct pks_audit_probe {
	const char	*name;
	enum pks_policy	policy;
	bool		post;
};

static const struct pks_audit_probe pks_audit_probes[] = {
	{ "deny", PKS_POLICY_DENY, false },
	{ "deny, post handler", PKS_POLICY_DENY, true },
	{ "report", PKS_POLICY_REPORT, false },
	{ "report, post handler", PKS_POLICY_REPORT, true },
};

static void pks_audit_probe_name(const struct pks_audit_probe *probe, char *desc)
{
	strscpy(desc, probe->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(pks_audit_probe, pks_audit_probes, pks_audit_probe_name);

static void pks_probe_set(struct kunit *test, struct kprobe *kp, unsigned long ip)
{
	int err;

	kp->addr = (kprobe_opcode_t *)ip;
	pks_probe_hits = 0;
	pks_probe_passed = 0;
	pks_probe_try = NULL;
	err = register_kprobe(kp);
	if (err)
		kunit_skip(test, "no kprobe can be set: %d", err);
}

/* Where the instruction of pks_violate_write() is. */
static unsigned long pks_probe_where(struct kunit *test)
{
	struct pks_try try = { .page = pks_test_page(test, 0), .write = true };

	pks_try(&try);
	KUNIT_ASSERT_EQ(test, try.err, 0);
	return try.ip;
}

static void pks_audit_probed(struct kunit *test)
{
	const struct pks_audit_probe *probe = test->param_value;
	/* There the instruction would start anew, which is a breakpoint. */
	bool denied = probe->policy == PKS_POLICY_DENY || pks_faults_hooked_late(test);
	struct kprobe kp = {
		.pre_handler	= pks_probe_pre,
		.post_handler	= probe->post ? pks_probe_post : NULL,
	};
	int pkey = pks_audited_key(test), i;
	u64 *page = pks_test_page(test, pkey);

	KUNIT_ASSERT_EQ(test, 0, pks_set_policy(pkey, probe->policy));
	pks_probe_set(test, &kp, pks_probe_where(test));
	pks_violations_clear();
	for (i = 1; i <= 5; i++) {
		struct pks_try try = { .page = page, .write = true, .val = i };

		pks_try(&try);
		KUNIT_EXPECT_EQ(test, try.err, denied ? -EFAULT : 0);
		KUNIT_EXPECT_EQ(test, READ_ONCE(*pks_alias(page)), denied ? 0 : i);
		KUNIT_EXPECT_EQ(test, pks_violations(), i);
		KUNIT_EXPECT_EQ(test, pks_probe_hits, i);
		KUNIT_EXPECT_EQ(test, pks_probe_passed,
				probe->post && !denied ? i : 0);
		pks_expect_untouched(test, &try);
		KUNIT_EXPECT_FALSE(test, irqs_disabled());
	}
	unregister_kprobe(&kp);
	pks_expect_closed(test, "afterwards");
}

/* A probe right behind the instruction: it is not what the step ends at. */
static void pks_audit_probe_behind(struct kunit *test)
{
	struct kprobe kp = {
		.pre_handler	= pks_probe_pre,
		.post_handler	= pks_probe_post,
	};
	int pkey = pks_audited_key(test), i;
	u64 *page = pks_test_page(test, pkey);

	/* "mov %reg, (%reg)" takes three bytes, or a fourth for %rbp and %r13. */
	for (i = 3; i <= 4; i++) {
		kp.addr = (kprobe_opcode_t *)(pks_probe_where(test) + i);
		if (!register_kprobe(&kp))
			break;
	}
	if (i > 4)
		kunit_skip(test, "no kprobe can be set");
	pks_probe_hits = 0;
	pks_probe_passed = 0;
	pks_probe_try = NULL;
	pks_violations_clear();
	for (i = 1; i <= 5; i++) {
		struct pks_try try = { .page = page, .write = true, .val = i };

		pks_try(&try);
		KUNIT_EXPECT_EQ(test, try.err, 0);
		KUNIT_EXPECT_EQ(test, READ_ONCE(*pks_alias(page)), i);
		KUNIT_EXPECT_EQ(test, pks_violations(), i);
		KUNIT_EXPECT_EQ(test, pks_probe_hits, i);
		KUNIT_EXPECT_EQ(test, pks_probe_passed, i);
		pks_expect_untouched(test, &try);
	}
	unregister_kprobe(&kp);
}

/*
 * A probe's handler that violates. It counts as an NMI, and nothing would close the
 * key after it: stopped, whatever the policy.
 */
static void pks_audit_in_probe(struct kunit *test)
{
	struct kprobe kp = { .pre_handler = pks_probe_pre };
	int pkey = pks_audited_key(test);
	u64 *page = pks_test_page(test, pkey), *plain = pks_test_page(test, 0);
	struct pks_try outer = { .page = plain, .write = true, .val = 5 };
	struct pks_try inner = { .page = page };

	WRITE_ONCE(*pks_alias(page), 0x55);
	/* See pks_nmis_begin(). */
	pks_console_unwatch();
	pks_probe_set(test, &kp, pks_probe_where(test));
	pks_probe_try = &inner;
	pks_violations_clear();
	pks_try(&outer);
	unregister_kprobe(&kp);
	pks_console_watch();

	KUNIT_EXPECT_EQ(test, pks_probe_hits, 1);
	KUNIT_EXPECT_EQ(test, outer.err, 0);
	KUNIT_EXPECT_EQ(test, READ_ONCE(*plain), 5);
	KUNIT_EXPECT_EQ(test, inner.err, -EFAULT);
	KUNIT_EXPECT_EQ(test, inner.val, 0);
	KUNIT_EXPECT_EQ(test, pks_violations(), 1);
	KUNIT_EXPECT_EQ(test, pks_violations_that(PKS_FAULT_STOPPED), 1);
	pks_expect_untouched(test, &inner);
	pks_expect_untouched(test, &outer);
}

static struct kunit_case pks_audit_cases[] = {
	KUNIT_CASE_PARAM(pks_audit_carries_out, pks_audit_held_gen_params),
	KUNIT_CASE(pks_audit_counts_each),
	KUNIT_CASE(pks_audit_rep),
	KUNIT_CASE(pks_audit_two_keys),
	KUNIT_CASE(pks_audit_one_key_twice),
	KUNIT_CASE(pks_audit_second_key_denied),
	KUNIT_CASE_PARAM(pks_audit_instruction, pks_insn_gen_params),
	KUNIT_CASE(pks_audit_two_pages),
	KUNIT_CASE_PARAM(pks_audit_traps_inside, pks_audit_trap_gen_params),
	KUNIT_CASE(pks_audit_user_page),
	KUNIT_CASE(pks_audit_not_of_user_space),
	KUNIT_CASE(pks_audit_user_page_missing),
	KUNIT_CASE(pks_audit_user_copy),
	KUNIT_CASE_PARAM(pks_audit_anywhere, pks_place_gen_params),
	KUNIT_CASE(pks_audit_everywhere),
	KUNIT_CASE(pks_audit_changed_meanwhile),
	KUNIT_CASE(pks_audit_nmis_in_steps),
	KUNIT_CASE_PARAM(pks_audit_probed, pks_audit_probe_gen_params),
	KUNIT_CASE(pks_audit_probe_behind),
	KUNIT_CASE(pks_audit_in_probe),
	{}
};

struct kunit_suite pks_audit_suite = {
	.name		= "pks_audit",
	.init		= pks_violations_init,
	.exit		= pks_violations_exit,
	.test_cases	= pks_audit_cases,
};
