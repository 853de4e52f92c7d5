/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * device.c - the table of devices a VE may open, and the program the kernel runs for each open.
 *
 * The kernel hands the program a type, an access, a major and a minor number; it answers 1 (yes)
 * or 0 (EPERM). mknod is not granted for any: a VE's user namespace forbids it anyway, and what
 * overlayfs makes as whiteouts (0:0) never gets here.
 */
#include "cgroup/device.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/array.h"
#include "base/error.h"

#define MINOR_ANY UINT32_MAX

struct device_row {
	uint32_t type; /* BPF_DEVCG_DEV_* */
	uint32_t major_first, major_last;
	uint32_t minor;
	uint32_t access; /* BPF_DEVCG_ACC_* that are granted */
};

#define READ_WRITE (BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE)

/* clang-format off */
static const struct device_row rows[] = { /* Documentation/admin-guide/devices.txt */
	{ BPF_DEVCG_DEV_CHAR,   1,   1,   3,       READ_WRITE }, /* null */
	{ BPF_DEVCG_DEV_CHAR,   1,   1,   5,       READ_WRITE }, /* zero */
	{ BPF_DEVCG_DEV_CHAR,   1,   1,   7,       READ_WRITE }, /* full */
	{ BPF_DEVCG_DEV_CHAR,   1,   1,   8,       READ_WRITE }, /* random */
	{ BPF_DEVCG_DEV_CHAR,   1,   1,   9,       READ_WRITE }, /* urandom */
	{ BPF_DEVCG_DEV_CHAR,   5,   5,   0,       READ_WRITE }, /* tty */
	{ BPF_DEVCG_DEV_CHAR,   5,   5,   1,       READ_WRITE }, /* console */
	{ BPF_DEVCG_DEV_CHAR,   5,   5,   2,       READ_WRITE }, /* ptmx */
	{ BPF_DEVCG_DEV_CHAR, 136, 143, MINOR_ANY, READ_WRITE }, /* pts */
	{ BPF_DEVCG_DEV_CHAR,  10,  10, 229,       READ_WRITE }, /* fuse */
};
/* clang-format on */

/* The registers of the program: R1 comes in, R0 goes out. */
enum {
	TYPE = BPF_REG_2,
	ACCESS = BPF_REG_3,
	MAJOR = BPF_REG_4,
	MINOR = BPF_REG_5,
	REST = BPF_REG_6
};

#define ROW_INSTRUCTIONS 9
#define OVERHEAD         8
#define PROGRAM_MAX      (ARRAY_SIZE(rows) * ROW_INSTRUCTIONS + OVERHEAD)

struct program {
	struct bpf_insn code[PROGRAM_MAX];
	uint32_t n;
};

static void emit(struct program *program, struct bpf_insn instruction)
{
	program->code[program->n++] = instruction;
}

static void emit_load(struct program *program, uint8_t to, size_t offset)
{
	emit(program, (struct bpf_insn){ .code = BPF_LDX | BPF_MEM | BPF_W,
			      .dst_reg = to,
			      .src_reg = BPF_REG_1,
			      .off = (int16_t)offset });
}

static void emit_number(struct program *program, uint8_t operation, uint8_t to, uint32_t number)
{
	emit(program, (struct bpf_insn){ .code = BPF_ALU | operation | BPF_K,
			      .dst_reg = to,
			      .imm = (int32_t)number });
}

static void emit_copy(struct program *program, uint8_t to, uint8_t from)
{
	emit(program, (struct bpf_insn){
			      .code = BPF_ALU | BPF_MOV | BPF_X, .dst_reg = to, .src_reg = from });
}

/* Jumps to the instruction `end` if the comparison holds. */
static void emit_jump(
	struct program *program, uint8_t comparison, uint8_t reg, uint32_t number, uint32_t end)
{
	emit(program, (struct bpf_insn){ .code = BPF_JMP32 | comparison | BPF_K,
			      .dst_reg = reg,
			      .off = (int16_t)(end - program->n - 1),
			      .imm = (int32_t)number });
}

static void emit_answer(struct program *program, uint32_t answer)
{
	emit_number(program, BPF_MOV, BPF_REG_0, answer);
	emit(program, (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT });
}

static void emit_row(struct program *program, const struct device_row *row)
{
	bool any_minor = row->minor == MINOR_ANY;
	uint32_t end = program->n + ROW_INSTRUCTIONS - (any_minor ? 1 : 0);

	emit_jump(program, BPF_JNE, TYPE, row->type, end);
	emit_jump(program, BPF_JLT, MAJOR, row->major_first, end);
	emit_jump(program, BPF_JGT, MAJOR, row->major_last, end);
	if (!any_minor)
		emit_jump(program, BPF_JNE, MINOR, row->minor, end);
	emit_copy(program, REST, ACCESS);
	emit_number(program, BPF_AND, REST, ~row->access);
	emit_jump(program, BPF_JNE, REST, 0, end); /* asks for more than is granted */
	emit_answer(program, 1);
}

static void build(struct program *program)
{
	/* access_type: the type in the lower half, the access in the upper. */
	emit_load(program, TYPE, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	emit_load(program, MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
	emit_load(program, MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
	emit_copy(program, ACCESS, TYPE);
	emit_number(program, BPF_AND, TYPE, 0xffff);
	emit_number(program, BPF_RSH, ACCESS, 16);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		emit_row(program, &rows[i]);
	emit_answer(program, 0);
}

static int fail(const char *what, struct error *err)
{
	if (errno == EPERM || errno == ENOSYS)
		return error_refuse(err, ERROR_UNSUPPORTED,
			"this host does not let us %s (it takes root in the initial user namespace "
			"and a kernel with CONFIG_CGROUP_BPF)",
			what);
	return error_sys(err, "cannot %s", what);
}

int device_program_load(struct error *err)
{
	static const char license[] = "LGPL-2.1-or-later";
	struct program program = { .n = 0 };
	union bpf_attr attr;
	int fd;

	build(&program);
	memset(&attr, 0, sizeof(attr)); /* all of the union: the kernel wants the rest zero */
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.expected_attach_type = BPF_CGROUP_DEVICE;
	attr.insns = (uintptr_t)program.code;
	attr.insn_cnt = program.n;
	attr.license = (uintptr_t)license;
	fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)); /* CLOEXEC by itself */
	return fd < 0 ? fail("load a device program", err) : fd;
}

int device_program_attach(int program_fd, int cgroup_fd, struct error *err)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)cgroup_fd;
	attr.attach_bpf_fd = (uint32_t)program_fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof(attr)) < 0)
		return fail("attach a device program", err);
	return 0;
}
