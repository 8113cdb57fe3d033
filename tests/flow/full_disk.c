/* Preloaded into a process, fills the disk that $HOME_ON_IT lies on for as long as the file $FULL_WHILE is there:
 * nothing is written to a file below that folder (ENOSPC), and it has no bytes left.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int is_full(void) {
    const char *flag = getenv("FULL_WHILE");
    return flag && access(flag, F_OK) == 0;
}

static int lies_there(const char *path) {
    const char *home = getenv("HOME_ON_IT");
    return home && strncmp(path, home, strlen(home)) == 0;
}

static int refuses(int fd) {
    char link[40], path[4096];
    int before = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    errno = before;
    if (size < 0) return 0;
    path[size] = 0;
    if (!lies_there(path) || !is_full()) return 0;
    errno = ENOSPC;
    return 1;
}

ssize_t write(int fd, const void *data, size_t size) {
    return refuses(fd) ? -1 : NEXT(write)(fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
    return refuses(fd) ? -1 : NEXT(pwrite)(fd, data, size, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
    return refuses(fd) ? -1 : NEXT(pwrite64)(fd, data, size, offset);
}

int statvfs(const char *path, struct statvfs *found) {
    int done = NEXT(statvfs)(path, found);
    if (done == 0 && lies_there(path) && is_full()) found->f_bavail = 0;
    return done;
}

int statvfs64(const char *path, struct statvfs64 *found) {
    int done = NEXT(statvfs64)(path, found);
    if (done == 0 && lies_there(path) && is_full()) found->f_bavail = 0;
    return done;
}
