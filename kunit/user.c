// SPDX-License-Identifier: GPL-2.0
/*
 * What user space sees and does: the files in debugfs, and a shell with which to
 * write to them and to have a process that forks and executes.
 */
#include "pks_test.h"
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/umh.h>

#define PKS_FILE_SIZE		(256 * 1024)
#define PKS_ISOLATION		"/sys/kernel/debug/pks/irq_isolation"

bool pks_has_debugfs(void)
{
	return IS_ENABLED(CONFIG_DEBUG_FS);
}

/*
 * By a mount of our own: kernel threads have no business in that of user space,
 * and find nothing there on newer kernels.
 */
static struct file *pks_file_open(struct kunit *test, const char *name)
{
	struct file_system_type *type = get_fs_type("debugfs");
	struct file *file = ERR_PTR(-ENODEV);
	struct vfsmount *mount = NULL;
	char path[80];
	int count = 0;

	snprintf(path, sizeof(path), "pks/%s", name);
	if (type && !simple_pin_fs(type, &mount, &count)) {
		file = file_open_root_mnt(mount, path, O_RDONLY, 0);
		simple_release_fs(&mount, &count);
	}
	if (IS_ERR(file))
		kunit_skip(test, "debugfs has no %s that can be opened", path);
	return file;
}

/*
 * kernel_read() does not read debugfs, for it would need a user's buffer: the
 * file is shown to us instead.
 */
const char *pks_file_read(struct kunit *test, const char *name)
{
	struct file *file = pks_file_open(test, name);
	struct seq_file *m = file->private_data;
	char *text = NULL;

	m->buf = kvmalloc(PKS_FILE_SIZE, GFP_KERNEL);
	if (m->buf) {
		m->size = PKS_FILE_SIZE;
		m->op->show(m, NULL);
		text = kunit_kzalloc(test, m->count + 1, GFP_KERNEL);
	}
	if (text)
		memcpy(text, m->buf, m->count);
	fput(file);
	KUNIT_ASSERT_NOT_NULL(test, text);
	return text;
}

umode_t pks_file_mode(struct kunit *test, const char *name)
{
	struct file *file = pks_file_open(test, name);
	umode_t mode = file_inode(file)->i_mode;

	fput(file);
	return mode & 07777;
}

/* The line of @text that contains @word, NULL if there is none. */
const char *pks_line_with(struct kunit *test, const char *text,
			  const char *word)
{
	const char *at = strstr(text, word);
	const char *start = at;
	char *line;

	if (!at)
		return NULL;
	while (start > text && start[-1] != '\n')
		start--;
	line = kunit_kzalloc(test, strcspn(start, "\n") + 1, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, line);
	memcpy(line, start, strcspn(start, "\n"));
	return line;
}

static int pks_shell_init(struct subprocess_info *info, struct cred *new)
{
	struct pks_shell *shell = info->data;

	/* In the process that will be the shell, before it executes it. */
	if (shell->act)
		shell->act(shell->data);
	return 0;
}

/* Runs @shell->command with /bin/sh. Returns the exit status, or an errno. */
int pks_shell_run(struct kunit *test, struct pks_shell *shell, int wait)
{
	static char *envp[] = { "PATH=/bin:/usr/bin:/sbin:/usr/sbin", NULL };
	char *argv[] = { "/bin/sh", "-c", (char *)shell->command, NULL };
	struct subprocess_info *info;
	int status;

	info = call_usermodehelper_setup(argv[0], argv, envp, GFP_KERNEL,
					 pks_shell_init, NULL, shell);
	KUNIT_ASSERT_NOT_NULL(test, info);
	status = call_usermodehelper_exec(info, wait);
	return status > 0 ? status >> 8 : status;
}

/* The case is skipped if there is no shell to do it with. */
int pks_shell(struct kunit *test, const char *command)
{
	struct pks_shell shell = { .command = command };
	int status = pks_shell_run(test, &shell, UMH_WAIT_PROC);

	if (status < 0)
		kunit_skip(test, "/bin/sh can't be run");
	return status;
}

const char *pks_isolation(struct kunit *test)
{
	const char *line = pks_line_with(test, pks_file_read(test, "status"),
					 "irq isolation:");

	KUNIT_ASSERT_NOT_NULL(test, line);
	return skip_spaces(line + strlen("irq isolation:"));
}

void pks_isolation_needed(struct kunit *test)
{
	const char *isolation = pks_isolation(test);

	if (strcmp(isolation, "on"))
		kunit_skip(test, "interrupts are not isolated: %s", isolation);
}

int pks_isolation_set(struct kunit *test, bool on)
{
	return pks_shell(test, on ? "echo 1 >" PKS_ISOLATION :
				    "echo 0 >" PKS_ISOLATION);
}
