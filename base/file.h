/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * file.h - reading and writing below a directory descriptor, never by absolute path.
 *
 * For directories that no VE can write: the state and run directories, cgroupfs, our own procfs.
 * Whatever lies below a VE's root goes through inside.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct error;

/* Opens a directory below dir_fd (AT_FDCWD allowed for configured absolute paths) with
 * O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC. Returns a descriptor the caller owns. */
int file_open_dir(int dir_fd, const char *name, struct error *err);

/* Creates a directory with exactly `mode` whatever the umask; an existing one is no error. */
int file_make_dir(int dir_fd, const char *name, mode_t mode, struct error *err);

/* Reads a whole file of at most `max` bytes; *ret is NUL-terminated and owned by the caller.
 * Returns its length; a larger file is -EFBIG. */
ssize_t file_read(int dir_fd, const char *name, size_t max, char **ret, struct error *err);

/* The same from where an open descriptor stands; `name` is for the message. */
ssize_t file_read_fd(int fd, const char *name, size_t max, char **ret, struct error *err);

/* Writes a kernel control file: one write(2) of all of `text`, no O_CREAT. */
int file_write_control(int dir_fd, const char *name, const char *text, struct error *err);

/* Durable replace: a temporary file, fsync, rename over `name`, fsync of the directory. After it
 * returns 0 the new content survives a power cut; on failure the old content is untouched.
 * `name` is a plain name, the file's mode 0600, dir_fd not O_PATH. */
int file_replace(int dir_fd, const char *name, const void *data, size_t size, struct error *err);

/* fsync of a directory descriptor opened with O_DIRECTORY (not O_PATH). */
int file_sync_dir(int dir_fd, struct error *err);

/* syncfs of the file system that holds fd. */
int file_sync_system(int fd, struct error *err);

/* Whether any of this process's syncs here has failed: nobody knows then what the disk holds. */
bool file_sync_failed(void);

/* rename, then fsync of both directories (one if the same). An existing target is -EEXIST
 * (RENAME_NOREPLACE), and what cannot be made durable is taken back. */
int file_rename(int old_dir_fd, const char *old_name, int new_dir_fd, const char *new_name,
	struct error *err);

/* Removes a file or a whole tree, never following a link; a mount in it (a bind too) is -EXDEV and
 * stays. Absent is no error. Depth is not bounded by the stack. */
int file_remove_tree(int dir_fd, const char *name, struct error *err);

/* Reads the target of a link that the kernel or we made; *ret is owned by the caller. */
int file_read_link(int dir_fd, const char *name, char **ret, struct error *err);

/* Writes all of `data` to a stream descriptor, over short writes and EINTR. */
int file_write_all(int fd, const void *data, size_t size, struct error *err);
