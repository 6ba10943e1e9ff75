/* A preload library that writes down every change that a process makes to files below one folder, in order.

   MLV_RECORD_ROOT names the folder, MLV_RECORD_LOG the file that records are appended to. A record is a head and the
   bytes of two texts and of the data (see power_disk.py). The lock is held over the call and its record, so that the
   order of records is an order in which the calls can have happened. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILES 65536
#define REAL(name) ((__typeof__(&name))real(#name))

struct head {
    uint32_t kind;
    int32_t process, handle;
    uint32_t first, second;
    uint64_t offset, length;
} __attribute__((packed));

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned char watched[FILES];
static char root[PATH_MAX];
static size_t root_length;
static int log_handle = -1;

static void *real(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) abort();
    return found;
}

__attribute__((constructor)) static void begin(void) {
    const char *folder = getenv("MLV_RECORD_ROOT"), *file = getenv("MLV_RECORD_LOG");
    if (!folder || !file || strlen(folder) >= PATH_MAX) return;
    strcpy(root, folder);
    root_length = strlen(root);
    int opened = ((int (*)(const char *, int, ...))real("open"))(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (opened < 0) abort();
    log_handle = fcntl(opened, F_DUPFD_CLOEXEC, 1000);
    if (log_handle < 0) abort();
    ((int (*)(int))real("close"))(opened);
}

static void note(char kind, int handle, const char *first, const char *second, uint64_t offset, const void *data, uint64_t length) {
    int kept = errno;
    struct head head = {(uint32_t)kind, getpid(), handle, first ? strlen(first) : 0, second ? strlen(second) : 0, offset, data ? length : 0};
    if (!data) head.length = 0;
    struct iovec parts[4] = {{&head, sizeof head}, {(void *)first, head.first}, {(void *)second, head.second}, {(void *)data, head.length}};
    ssize_t whole = sizeof head + head.first + head.second + head.length;
    if (((ssize_t (*)(int, const struct iovec *, int))real("writev"))(log_handle, parts, 4) != whole) abort();
    errno = kept;
}

/* The absolute path in `out`; whether it lies below the folder. */
static int resolve(int at, const char *path, char *out) {
    if (log_handle < 0 || !path) return 0;
    int kept = errno;
    char base[PATH_MAX] = "";
    if (path[0] != '/') {
        if (at == AT_FDCWD) {
            if (!getcwd(base, sizeof base)) base[0] = 0;
        } else {
            char link[64];
            snprintf(link, sizeof link, "/proc/self/fd/%d", at);
            ssize_t size = readlink(link, base, sizeof base - 1);
            base[size < 0 ? 0 : size] = 0;
        }
    }
    snprintf(out, 2 * PATH_MAX, "%s%s%s", base, base[0] ? "/" : "", path);
    errno = kept;
    return strncmp(out, root, root_length) == 0 && (out[root_length] == '/' || !out[root_length]);
}

static int is_watched(int handle) { return handle >= 0 && handle < FILES && watched[handle]; }

static int after_open(int handle, int flags, const char *full, int below) {
    if (handle >= 0 && handle < FILES) {
        watched[handle] = below;
        if (below) note('o', handle, full, 0, (uint64_t)(unsigned)flags, 0, 0);
    }
    return handle;
}

#define OPEN(name)                                                        \
    int name(const char *path, int flags, ...) {                          \
        char full[2 * PATH_MAX];                                          \
        mode_t mode = 0;                                                  \
        if (flags & (O_CREAT | __O_TMPFILE)) {                            \
            va_list more;                                                 \
            va_start(more, flags);                                        \
            mode = va_arg(more, mode_t);                                  \
            va_end(more);                                                 \
        }                                                                 \
        int below = resolve(AT_FDCWD, path, full);                        \
        if (below) pthread_mutex_lock(&lock);                             \
        int handle = after_open(REAL(name)(path, flags, mode), flags, full, below); \
        if (below) pthread_mutex_unlock(&lock);                           \
        return handle;                                                    \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                      \
    int name(int at, const char *path, int flags, ...) {                  \
        char full[2 * PATH_MAX];                                          \
        mode_t mode = 0;                                                  \
        if (flags & (O_CREAT | __O_TMPFILE)) {                            \
            va_list more;                                                 \
            va_start(more, flags);                                        \
            mode = va_arg(more, mode_t);                                  \
            va_end(more);                                                 \
        }                                                                 \
        int below = resolve(at, path, full);                              \
        if (below) pthread_mutex_lock(&lock);                             \
        int handle = after_open(REAL(name)(at, path, flags, mode), flags, full, below); \
        if (below) pthread_mutex_unlock(&lock);                           \
        return handle;                                                    \
    }
OPENAT(openat)
OPENAT(openat64)

int close(int handle) {
    if (!is_watched(handle)) return REAL(close)(handle);
    pthread_mutex_lock(&lock);
    watched[handle] = 0;
    note('c', handle, 0, 0, 0, 0, 0);
    int done = REAL(close)(handle);
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t write(int handle, const void *data, size_t length) {
    if (!is_watched(handle)) return REAL(write)(handle, data, length);
    pthread_mutex_lock(&lock);
    ssize_t done = REAL(write)(handle, data, length);
    if (done > 0) note('w', handle, 0, 0, lseek(handle, 0, SEEK_CUR) - done, data, done);
    pthread_mutex_unlock(&lock);
    return done;
}

#define PWRITE(name, offset_type)                                                   \
    ssize_t name(int handle, const void *data, size_t length, offset_type offset) { \
        if (!is_watched(handle)) return REAL(name)(handle, data, length, offset);   \
        pthread_mutex_lock(&lock);                                                  \
        ssize_t done = REAL(name)(handle, data, length, offset);                    \
        if (done > 0) note('w', handle, 0, 0, offset, data, done);                  \
        pthread_mutex_unlock(&lock);                                                \
        return done;                                                                \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

static void note_parts(int handle, const struct iovec *parts, int count, off_t offset, ssize_t done) {
    for (int index = 0; index < count && done > 0; index++) {
        ssize_t size = (ssize_t)parts[index].iov_len < done ? (ssize_t)parts[index].iov_len : done;
        if (size) note('w', handle, 0, 0, offset, parts[index].iov_base, size);
        offset += size;
        done -= size;
    }
}

ssize_t writev(int handle, const struct iovec *parts, int count) {
    if (!is_watched(handle)) return REAL(writev)(handle, parts, count);
    pthread_mutex_lock(&lock);
    ssize_t done = REAL(writev)(handle, parts, count);
    if (done > 0) note_parts(handle, parts, count, lseek(handle, 0, SEEK_CUR) - done, done);
    pthread_mutex_unlock(&lock);
    return done;
}

#define PWRITEV(name, offset_type)                                                            \
    ssize_t name(int handle, const struct iovec *parts, int count, offset_type offset) {      \
        if (!is_watched(handle)) return REAL(name)(handle, parts, count, offset);             \
        pthread_mutex_lock(&lock);                                                            \
        ssize_t done = REAL(name)(handle, parts, count, offset);                              \
        if (done > 0) note_parts(handle, parts, count, offset, done);                         \
        pthread_mutex_unlock(&lock);                                                          \
        return done;                                                                          \
    }
PWRITEV(pwritev, off_t)
PWRITEV(pwritev64, off64_t)

/* What Python calls for os.pwritev; an offset of -1 would mean the file's own place, which nobody here uses. */
#define PWRITEV2(name, offset_type)                                                                        \
    ssize_t name(int handle, const struct iovec *parts, int count, offset_type offset, int flags) {         \
        if (!is_watched(handle)) return REAL(name)(handle, parts, count, offset, flags);                    \
        pthread_mutex_lock(&lock);                                                                          \
        ssize_t done = REAL(name)(handle, parts, count, offset, flags);                                     \
        note_parts(handle, parts, count, offset, done);                                                     \
        pthread_mutex_unlock(&lock);                                                                        \
        return done;                                                                                        \
    }
PWRITEV2(pwritev2, off_t)
PWRITEV2(pwritev64v2, off64_t)

/* One that succeeded on a watched handle is noted as `kind` with `offset`. */
#define ON_HANDLE(name, kind, at, declared, ...)              \
    int name declared {                                       \
        if (!is_watched(handle)) return REAL(name)(__VA_ARGS__); \
        pthread_mutex_lock(&lock);                            \
        int done = REAL(name)(__VA_ARGS__);                   \
        if (!done) note(kind, handle, 0, 0, at, 0, 0);        \
        pthread_mutex_unlock(&lock);                          \
        return done;                                          \
    }
ON_HANDLE(ftruncate, 't', size, (int handle, off_t size), handle, size)
ON_HANDLE(ftruncate64, 't', size, (int handle, off64_t size), handle, size)
ON_HANDLE(fsync, 's', 0, (int handle), handle)
ON_HANDLE(fdatasync, 's', 0, (int handle), handle)
ON_HANDLE(syncfs, 'S', 0, (int handle), handle)
/* What the model does not know is noted, so that a recording with it is refused. */
ON_HANDLE(fallocate, '!', 0, (int handle, int mode, off_t offset, off_t length), handle, mode, offset, length)
ON_HANDLE(posix_fallocate, '!', 0, (int handle, off_t offset, off_t length), handle, offset, length)

#define ON_PATH(name, kind, at, declared, ...)                \
    int name declared {                                       \
        char full[2 * PATH_MAX];                              \
        if (!resolve(at, path, full)) return REAL(name)(__VA_ARGS__); \
        pthread_mutex_lock(&lock);                            \
        int done = REAL(name)(__VA_ARGS__);                   \
        if (!done) note(kind, -1, full, 0, 0, 0, 0);          \
        pthread_mutex_unlock(&lock);                          \
        return done;                                          \
    }
ON_PATH(unlink, 'u', AT_FDCWD, (const char *path), path)
ON_PATH(unlinkat, 'u', at, (int at, const char *path, int flags), at, path, flags)
ON_PATH(rmdir, 'u', AT_FDCWD, (const char *path), path)
ON_PATH(remove, 'u', AT_FDCWD, (const char *path), path)
ON_PATH(mkdir, 'd', AT_FDCWD, (const char *path, mode_t mode), path, mode)
ON_PATH(mkdirat, 'd', at, (int at, const char *path, mode_t mode), at, path, mode)
ON_PATH(truncate, '!', AT_FDCWD, (const char *path, off_t size), path, size)

#define ON_PATHS(name, kind, from, to, declared, ...)         \
    int name declared {                                       \
        char first[2 * PATH_MAX], second[2 * PATH_MAX];       \
        int left = resolve(from, path, first), right = resolve(to, target, second); \
        if (!left && !right) return REAL(name)(__VA_ARGS__);  \
        pthread_mutex_lock(&lock);                            \
        int done = REAL(name)(__VA_ARGS__);                   \
        if (!done) note(left && right ? kind : '!', -1, first, second, 0, 0, 0); \
        pthread_mutex_unlock(&lock);                          \
        return done;                                          \
    }
ON_PATHS(rename, 'r', AT_FDCWD, AT_FDCWD, (const char *path, const char *target), path, target)
ON_PATHS(renameat, 'r', from, to, (int from, const char *path, int to, const char *target), from, path, to, target)
ON_PATHS(link, 'l', AT_FDCWD, AT_FDCWD, (const char *path, const char *target), path, target)
ON_PATHS(linkat, 'l', from, to, (int from, const char *path, int to, const char *target, int flags), from, path, to, target, flags)

int renameat2(int from, const char *path, int to, const char *target, unsigned flags) {
    char first[2 * PATH_MAX], second[2 * PATH_MAX];
    int left = resolve(from, path, first), right = resolve(to, target, second);
    if (!left && !right) return REAL(renameat2)(from, path, to, target, flags);
    pthread_mutex_lock(&lock);
    int done = REAL(renameat2)(from, path, to, target, flags);
    if (!done) note(left && right && !(flags & ~RENAME_NOREPLACE) ? 'r' : '!', -1, first, second, 0, 0, 0);
    pthread_mutex_unlock(&lock);
    return done;
}

static ssize_t copied(int handle, ssize_t done) {
    if (done > 0 && is_watched(handle)) note('!', handle, 0, 0, 0, 0, 0);
    return done;
}
ssize_t copy_file_range(int source, off64_t *from, int handle, off64_t *to, size_t length, unsigned flags) {
    /* Without it, the caller copies by reads and writes, which are seen. */
    if (is_watched(handle)) return errno = EXDEV, -1;
    return copied(handle, REAL(copy_file_range)(source, from, handle, to, length, flags));
}
#define SENDFILE(name, offset_type)                                                   \
    ssize_t name(int handle, int source, offset_type *from, size_t length) {          \
        ssize_t (*call)(int, int, offset_type *, size_t) = real(#name);               \
        if (is_watched(handle)) return errno = EINVAL, -1;                            \
        return call(handle, source, from, length);                                    \
    }
SENDFILE(sendfile, off_t)
SENDFILE(sendfile64, off64_t)
