/* Preloaded into a process, writes down what it writes to the wire's database and what it forces to the disk.
 *
 * One record an operation, appended whole to $RECORD: a kind (w write, b sync begins, e sync ended, t truncate,
 * u unlink), a file (d database, l its write-ahead file), an offset, a length, the bytes. A write is recorded when it
 * is done and a sync when it begins, so that no write is taken for forced that might not have been.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int kept_in = -1;

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("RECORD");
    if (path) kept_in = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

static int ends(const char *text, const char *tail) {
    size_t length = strlen(text), size = strlen(tail);
    return length >= size && strcmp(text + length - size, tail) == 0;
}

static char file_named(const char *path) {
    return ends(path, "/wire.sqlite3") ? 'd' : ends(path, "/wire.sqlite3-wal") ? 'l' : 0;
}

static char file_of(int fd) {
    char link[64] = "/proc/self/fd/", path[4096], digits[16];
    int at = 0, place = 14;
    if (kept_in < 0) return 0;
    do digits[at++] = '0' + fd % 10; while (fd /= 10);
    while (at) link[place++] = digits[--at];
    link[place] = 0;
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return 0;
    path[size] = 0;
    return file_named(path);
}

static void keep(char kind, char file, uint64_t offset, const void *data, uint32_t size) {
    struct __attribute__((packed)) { char kind, file; uint64_t offset; uint32_t size; } head = {kind, file, offset, size};
    struct iovec parts[2] = {{&head, sizeof head}, {(void *)data, size}};
    if (writev(kept_in, parts, 2) != (ssize_t)(sizeof head + size)) abort();
}

static ssize_t recorded(ssize_t done, int fd, const void *data, off_t offset) {
    char file = done > 0 ? file_of(fd) : 0;
    if (file) keep('w', file, (uint64_t)offset, data, (uint32_t)done);
    return done;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
    return recorded(NEXT(pwrite64)(fd, data, size, offset), fd, data, offset);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
    return recorded(NEXT(pwrite)(fd, data, size, offset), fd, data, offset);
}

static int synced(int fd, int (*sync_it)(int)) {
    char file = file_of(fd);
    if (file) keep('b', file, 0, "", 0);
    int done = sync_it(fd);
    if (file && done == 0) keep('e', file, 0, "", 0);
    return done;
}

int fdatasync(int fd) { return synced(fd, NEXT(fdatasync)); }

int fsync(int fd) { return synced(fd, NEXT(fsync)); }

int ftruncate64(int fd, off64_t size) {
    char file = file_of(fd);
    int done = NEXT(ftruncate64)(fd, size);
    if (file && done == 0) keep('t', file, (uint64_t)size, "", 0);
    return done;
}

int unlink(const char *path) {
    char file = kept_in < 0 ? 0 : file_named(path);
    int done = NEXT(unlink)(path);
    if (file && done == 0) keep('u', file, 0, "", 0);
    return done;
}
