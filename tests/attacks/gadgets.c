// SPDX-License-Identifier: GPL-2.0
/* Functions of the kernel that read or write where they are told. */
#include "attacks.h"
#include <linux/delay.h>
#include <linux/jump_label.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>
#include <asm/text-patching.h>
#include "../../pks_compat.h"

static unsigned long text_mutex_address;
module_param_named(text_mutex, text_mutex_address, ulong, 0400);
MODULE_PARM_DESC(text_mutex, "Where text_mutex is, for who calls text_poke()");

/* What tracers and BPF programs read by. */
static int nofault_read(void)
{
	u64 value = 0;

	copy_from_kernel_nofault(&value, victim.area, sizeof(value));
	if (value != victim.secret)
		copy_from_kernel_nofault(&value, victim.object, sizeof(value));
	return value == victim.secret;
}

/* The kernel's own writer of code maps what it writes to anew. */
static int gadget_text_poke(void)
{
	struct mutex *mutex = (struct mutex *)text_mutex_address;
	typeof(text_poke) *poke = (void *)pks_lookup("text_poke");
	u64 value = READ_ONCE(*victim.shown_area) + 1;

	if (!mutex || !poke)
		return -ENOENT;
	mutex_lock(mutex);
	poke(victim.shown_area, &value, sizeof(value));
	mutex_unlock(mutex);
	return READ_ONCE(*victim.shown_area) == value;
}

/* A breakpoint written into data. */
static int gadget_kprobe(void)
{
	struct kprobe kp = { .addr = (kprobe_opcode_t *)victim.area };

	if (register_kprobe(&kp))
		return ATTACK_STOPPED;
	unregister_kprobe(&kp);
	return ATTACK_THROUGH;
}

/*
 * A static key in memory that all may read: switching it is a write. Without an entry in
 * the exception table, so it is done by a thread, which may not come back.
 */
static struct static_key *gadget_key;
static DECLARE_COMPLETION(gadget_switched);

static int gadget_switch(void *unused)
{
	static_key_slow_inc(gadget_key);
	complete(&gadget_switched);
	return 0;
}

static int gadget_static_key(void)
{
	const struct static_key one = { .enabled = ATOMIC_INIT(1) };
	struct task_struct *task;
	int err;

	gadget_key = (struct static_key *)(victim.shown_area + 8);
	err = pks_write(victim.shown, gadget_key, &one, sizeof(one));
	if (err)
		return err;
	task = kthread_run(gadget_switch, NULL, "attack/static");
	if (IS_ERR(task))
		return PTR_ERR(task);
	wait_for_completion_timeout(&gadget_switched, 5 * HZ);
	return static_key_count(gadget_key) != 1;
}

const struct attack attack_gadgets[] = {
	{ "nofault_read", nofault_read },
	{ "text_poke", gadget_text_poke },
	{ "kprobe_on_data", gadget_kprobe },
	{ "static_key", gadget_static_key },
	{}
};
