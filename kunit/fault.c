// SPDX-License-Identifier: GPL-2.0
/* What the hardware reported of a fault, from the kernel's own tracepoint. */
#include "pks_test.h"
#include <linux/sched.h>
#include <linux/tracepoint.h>

static struct tracepoint *pks_tp_fault;
static struct task_struct *pks_fault_task;
static struct pks_test_fault pks_fault;

static void pks_fault_probe(void *data, unsigned long address,
			    struct pt_regs *regs, unsigned long error_code)
{
	if (current != READ_ONCE(pks_fault_task) || !in_task())
		return;
	pks_fault.address = address;
	pks_fault.error_code = error_code;
	pks_fault.pkrs = pks_test_rdmsr();
	pks_fault.count++;
}

static void pks_find_fault(struct tracepoint *tp, void *unused)
{
	if (!strcmp(tp->name, "page_fault_kernel"))
		pks_tp_fault = tp;
}

int pks_fault_watch(void)
{
	for_each_kernel_tracepoint(pks_find_fault, NULL);
	if (!pks_tp_fault)
		return -ENOENT;
	WRITE_ONCE(pks_fault_task, current);
	pks_fault_take();
	return tracepoint_probe_register(pks_tp_fault, pks_fault_probe, NULL);
}

void pks_fault_unwatch(void)
{
	tracepoint_probe_unregister(pks_tp_fault, pks_fault_probe, NULL);
	tracepoint_synchronize_unregister();
}

struct pks_test_fault pks_fault_take(void)
{
	struct pks_test_fault fault = pks_fault;

	pks_fault = (struct pks_test_fault){ };
	return fault;
}

static void pks_expect_fault(struct kunit *test, const u64 *addr, int err,
			     bool ok, unsigned long error_code)
{
	struct pks_test_fault fault = pks_fault_take();

	KUNIT_EXPECT_EQ(test, err, ok ? 0 : -EFAULT);
	KUNIT_EXPECT_EQ(test, fault.count, ok ? 0 : 1);
	KUNIT_EXPECT_EQ(test, fault.address, ok ? 0 : (unsigned long)addr);
	KUNIT_EXPECT_EQ(test, fault.error_code, ok ? 0 : error_code);
}

void pks_expect_read(struct kunit *test, const u64 *addr, bool ok)
{
	u64 val;
	int err;

	pks_fault_take();
	err = pks_try_read(addr, &val);
	pks_expect_fault(test, addr, err, ok, PKS_TEST_PF_READ);
}

void pks_expect_write(struct kunit *test, u64 *addr, bool ok)
{
	int err;

	pks_fault_take();
	err = pks_try_write(addr, 0x5ec4e7);
	pks_expect_fault(test, addr, err, ok, PKS_TEST_PF_WRITE);
}
