// SPDX-License-Identifier: GPL-2.0
/*
 * A disk in memory, /dev/ramdisk, that nothing but its own driver can write to: the
 * memory is open for as long as the copies of a request take, in the thread that does
 * them.
 *
 * Parameters: size_mb; protect=0 to compare with an ordinary one.
 * /sys/kernel/debug/ramdisk/address: where it is, for who wants to try.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/pks_domain.h>
#include <linux/sizes.h>

/* Newer kernels make a disk with its limits: see Kbuild. */
#ifdef RAMDISK_HAS_LIMITS
#define ramdisk_alloc_disk(set)	blk_mq_alloc_disk(set, NULL, NULL)
#else
#define ramdisk_alloc_disk(set)	blk_mq_alloc_disk(set, NULL)
#endif

static unsigned int size_mb = 16;
module_param(size_mb, uint, 0444);
MODULE_PARM_DESC(size_mb, "Size in MiB (default: 16)");

static bool protect = true;
module_param(protect, bool, 0444);
MODULE_PARM_DESC(protect, "0: in memory that any code can write to");

static struct pks_domain *domain;
static char *storage;
static struct gendisk *disk;
static struct dentry *dir;
static u64 address;

static void ramdisk_copy(struct request *rq, char *at)
{
	struct req_iterator iter;
	struct bio_vec bvec;

	rq_for_each_segment(bvec, rq, iter) {
		void *buf = bvec_kmap_local(&bvec);

		if (op_is_write(req_op(rq)))
			memcpy(at, buf, bvec.bv_len);
		else
			memcpy(buf, at, bvec.bv_len);
		kunmap_local(buf);
		at += bvec.bv_len;
	}
}

/* A thread may be refused the rights (no memory): then nothing may be touched. */
static blk_status_t ramdisk_do(struct request *rq)
{
	bool write = op_is_write(req_op(rq));
	int former;

	if (req_op(rq) != REQ_OP_READ && req_op(rq) != REQ_OP_WRITE)
		return BLK_STS_NOTSUPP;
	former = pks_domain_enter(domain, write ? PKS_READWRITE : PKS_READONLY);
	if (former < 0)
		return BLK_STS_RESOURCE;
	ramdisk_copy(rq, storage + (blk_rq_pos(rq) << SECTOR_SHIFT));
	pks_domain_leave(domain, former);
	return BLK_STS_OK;
}

static blk_status_t ramdisk_queue_rq(struct blk_mq_hw_ctx *hctx,
				     const struct blk_mq_queue_data *bd)
{
	blk_mq_start_request(bd->rq);
	blk_mq_end_request(bd->rq, ramdisk_do(bd->rq));
	return BLK_STS_OK;
}

static const struct blk_mq_ops ramdisk_mq_ops = {
	.queue_rq	= ramdisk_queue_rq,
};

static struct blk_mq_tag_set tag_set = {
	.ops		= &ramdisk_mq_ops,
	.nr_hw_queues	= 1,
	.queue_depth	= 64,
	.numa_node	= NUMA_NO_NODE,
};

static const struct block_device_operations ramdisk_fops = {
	.owner	= THIS_MODULE,
};

static int __init ramdisk_alloc(void)
{
	domain = pks_domain_create("ramdisk", protect ? PKS_DOMAIN_OPTIONAL :
				   PKS_DOMAIN_UNPROTECTED);
	if (IS_ERR(domain))
		return PTR_ERR(domain);
	storage = pks_domain_vmalloc(domain, size_mb * (size_t)SZ_1M);
	if (storage)
		return 0;
	pks_domain_destroy(domain);
	return -ENOMEM;
}

static void ramdisk_free(void)
{
	pks_domain_vfree(domain, storage);
	pks_domain_destroy(domain);
}

static int __init ramdisk_add(void)
{
	int err = blk_mq_alloc_tag_set(&tag_set);

	if (err)
		return err;
	disk = ramdisk_alloc_disk(&tag_set);
	if (IS_ERR(disk)) {
		err = PTR_ERR(disk);
		goto err_tags;
	}
	disk->fops = &ramdisk_fops;
	disk->flags = GENHD_FL_NO_PART;
	strscpy(disk->disk_name, "ramdisk", sizeof(disk->disk_name));
	set_capacity(disk, (sector_t)size_mb * (SZ_1M >> SECTOR_SHIFT));
	err = add_disk(disk);
	if (!err)
		return 0;
	put_disk(disk);
err_tags:
	blk_mq_free_tag_set(&tag_set);
	return err;
}

static int __init ramdisk_init(void)
{
	int err = ramdisk_alloc();

	if (err)
		return err;
	err = ramdisk_add();
	if (err) {
		ramdisk_free();
		return err;
	}
	address = (unsigned long)storage;
	dir = debugfs_create_dir("ramdisk", NULL);
	debugfs_create_x64("address", 0400, dir, &address);
	pr_info("%u MiB, %s\n", size_mb, domain->pkey ? "protected" : "not protected");
	return 0;
}

static void __exit ramdisk_exit(void)
{
	debugfs_remove(dir);
	del_gendisk(disk);
	put_disk(disk);
	blk_mq_free_tag_set(&tag_set);
	ramdisk_free();
}

module_init(ramdisk_init);
module_exit(ramdisk_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Sample: a disk in memory that only its driver can write to");
PKS_IMPORT_NS();
