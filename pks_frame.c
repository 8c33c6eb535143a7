// SPDX-License-Identifier: GPL-2.0
/*
 * Rights that a CPU has, or lacks, for as long as a function of pks.ko runs, beyond what
 * its context has: for a write into a domain, and while a violation is reported and its
 * fault handler asked. No context keeps them, so whoever begins such a frame gives the
 * word back that he found.
 *
 * But he may never come to that: what runs in a frame can oops, or end its thread. So
 * all frames of a CPU are linked, and one function ends them all, whatever they were
 * for, along with the instruction that is carried out on that CPU. An oops and the death
 * of a thread call it. A frame of a thread that has gone elsewhere is never the CPU's.
 */
#include "pks_internal.h"
#include <linux/kprobes.h>

/* The topmost frame of what runs here, or NULL. With interrupts off. */
struct pks_frame *pks_frame_top(void)
{
	return this_cpu_read(pks_cpu.framed) == current ?
		this_cpu_read(pks_cpu.frame) : NULL;
}

/* The next one, or NULL. Likewise. */
static struct pks_frame *pks_frame_below(const struct pks_frame *frame)
{
	return frame->framed == current ? frame->below : NULL;
}

/* The frame of the fault handler that runs here, if one does. Likewise. */
const struct pks_frame *pks_frame_of_handler(void)
{
	const struct pks_frame *frame = pks_frame_top();

	while (frame && !frame->regs)
		frame = pks_frame_below(frame);
	return frame;
}

/* How many there are. Likewise. */
unsigned int pks_frames(void)
{
	const struct pks_frame *frame;
	unsigned int nr = 0;

	for (frame = pks_frame_top(); frame; frame = pks_frame_below(frame))
		nr++;
	return nr;
}

/*
 * From here on the CPU has the rights in @word. With interrupts off, and until the end of
 * the frame, too. An NMI that comes between any two of these has frames of its own, and
 * leaves both pointers as it found them.
 */
void notrace pks_frame_begin(struct pks_frame *frame, u32 word)
{
	frame->below = this_cpu_read(pks_cpu.frame);
	frame->framed = this_cpu_read(pks_cpu.framed);
	frame->word = this_cpu_read(pks_pkrs);
	frame->regs = NULL;
	frame->step.active = false;
	barrier();
	this_cpu_write(pks_cpu.frame, frame);
	this_cpu_write(pks_cpu.framed, current);
	pks_switch_word(frame->word, word);
}
NOKPROBE_SYMBOL(pks_frame_begin);

/*
 * The CPU has again the rights of before @frame. False if @frame was not the topmost one
 * here any more: then the CPU is at the default, and has nothing of the frame's.
 */
bool notrace pks_frame_end(struct pks_frame *frame)
{
	bool top = pks_frame_top() == frame;

	pks_switch_word(this_cpu_read(pks_pkrs),
			top ? frame->word : READ_ONCE(pks_default) | PKS_SLOW);
	if (top) {
		this_cpu_write(pks_cpu.frame, frame->below);
		this_cpu_write(pks_cpu.framed, frame->framed);
	}
	return top;
}
NOKPROBE_SYMBOL(pks_frame_end);

/* The word of the context below what this CPU is at. */
static u32 pks_frame_bottom(void)
{
	const struct pks_frame *frame;
	u32 word = this_cpu_read(pks_pkrs);

	if (this_cpu_read(pks_cpu.step.active))
		word = this_cpu_read(pks_cpu.step.word);
	for (frame = pks_frame_top(); frame; frame = pks_frame_below(frame))
		word = frame->step.active ? frame->step.word : frame->word;
	return word;
}

/*
 * What runs here does not return to what it was at: its frames end, and the instruction
 * that was carried out. Any context.
 */
void pks_frames_close(void)
{
	unsigned long flags;

	local_irq_save(flags);
	if (pks_frame_top() || this_cpu_read(pks_cpu.step.active)) {
		pks_switch_word(this_cpu_read(pks_pkrs), pks_frame_bottom());
		this_cpu_write(pks_cpu.step.active, false);
		this_cpu_write(pks_cpu.framed, NULL);
		this_cpu_write(pks_cpu.frame, NULL);
	}
	local_irq_restore(flags);
}

/*
 * Whatever frames the running thread has, on this CPU or where it was before, are none any
 * more, and pks_frame_end() says so. A CPU that another thread has been on since has that
 * one's, or none.
 */
void pks_frames_forget(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		cmpxchg(per_cpu_ptr(&pks_cpu.framed, cpu), current, NULL);
}
