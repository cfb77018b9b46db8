/* A sick disk, and a death at a chosen moment, for one process: preloaded with LD_PRELOAD, it stands between the
 * program and the C library where the store's files are written and where sockets are spoken to.
 *
 * - It keeps, beside the control file, what of each store file is durable: written and then synced. A write makes its
 *   blocks dirty, a sync that succeeds makes them durable, a sync that fails leaves them clean and not durable, as
 *   Linux does. A power cut gives back what is durable.
 * - It counts writes and syncs of the store, requests sent, pushes acknowledged and refused, and kills its own process
 *   with SIGKILL just before or after the n-th of a kind, with or without a power cut.
 * - It fails the n-th write or sync of the store, once or until it is told to stop.
 * - It can lie about syncs: they succeed and nothing is durable. That is a store without fsync.
 *
 * What is tried belongs to the tests (tests/it/kill/disk), which read and write the control file while this runs.
 * Directories and the -shm file, which is shared memory, are not part of it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { WRITES, SYNCS, REQUESTS, ANSWERS, REFUSALS, KINDS };
enum power { POWER_STAYS, POWER_CUT, POWER_CUT_IN_PART };

/* The control file: 64-bit words. The order is that of tests/it/kill/disk/shim.rs. */
struct control {
  uint64_t kill_kinds; /* a bit a kind */
  uint64_t kill_at;    /* the n-th of these; 0: never */
  uint64_t kill_after; /* 0: just before it, 1: just after */
  uint64_t power;
  uint64_t seed;
  uint64_t fail_kinds;
  uint64_t fail_at; /* the n-th of these; 0: never */
  uint64_t fail_errno;
  uint64_t fail_on; /* 0: once, 1: from then on */
  uint64_t lie;
  /* What it says. */
  uint64_t kill_seen; /* operations that could have been the n-th */
  uint64_t fail_seen;
  uint64_t failed;
  uint64_t killed;  /* 1 + the kind of the operation at which it killed */
  uint64_t dropped; /* blocks that the power cut took back */
  uint64_t counts[KINDS];
};

#define BLOCK 4096
#define BLOCKS 16384
#define FDS 65536
#define STORES 3

static const char *const NAMES[STORES] = {"state.sqlite", "state.sqlite-wal", "state.sqlite-journal"};

/* What is durable of a file, kept over the lives of the program. */
struct durable {
  uint64_t known;
  uint64_t exists;
  uint64_t length;
  char path[1000];
  unsigned char dirty[BLOCKS];
  unsigned char bytes[BLOCKS][BLOCK];
};

static struct control *control;
static struct durable *files[STORES];
static unsigned char store_of[FDS]; /* 1 + the file's number */
enum { ACCEPTED = 1, CONNECTED = 2, PUSHED = 4 };
static unsigned char socket_of[FDS];
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void *map(const char *path, size_t size) {
  int fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || syscall(SYS_ftruncate, fd, size) != 0) abort();
  void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) abort();
  syscall(SYS_close, fd);
  return at;
}

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("DISK_CONTROL");
  if (!path) return;
  for (int i = 0; i < STORES; i++) {
    char name[4096];
    snprintf(name, sizeof name, "%s.%s", path, NAMES[i]);
    files[i] = map(name, sizeof(struct durable));
  }
  control = map(path, sizeof(struct control));
}

static struct durable *store(int fd) {
  if (!control || fd < 0 || fd >= FDS || !store_of[fd]) return NULL;
  return files[store_of[fd] - 1];
}

static uint64_t length_of(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 ? (uint64_t)status.st_size : 0;
}

static void touch(struct durable *file, uint64_t from, uint64_t until) {
  if (until > (uint64_t)BLOCKS * BLOCK) abort(); /* larger than any night of these tests */
  for (uint64_t block = from / BLOCK; block * BLOCK < until; block++) file->dirty[block] = 1;
}

/* Takes a block as it is on the disk for durable. */
static void keep(struct durable *file, int fd, uint64_t block) {
  memset(file->bytes[block], 0, BLOCK);
  if (syscall(SYS_pread64, fd, file->bytes[block], BLOCK, block * BLOCK) < 0) abort();
  file->dirty[block] = 0;
}

static void set_length(struct durable *file, uint64_t length) {
  for (uint64_t at = length; at < file->length; at++) file->bytes[at / BLOCK][at % BLOCK] = 0;
  file->length = length;
}

static void all_is_durable(struct durable *file, int fd) {
  for (uint64_t block = 0; block < BLOCKS; block++)
    if (file->dirty[block]) keep(file, fd, block);
  set_length(file, length_of(fd));
  file->exists = 1;
}

static uint64_t chance(void) { /* xorshift64* */
  uint64_t x = control->seed ? control->seed : 1;
  x ^= x >> 12, x ^= x << 25, x ^= x >> 27;
  control->seed = x;
  return (x * 0x2545F4914F6CDD1DULL) >> 33;
}

static void cut(struct durable *file) {
  if (!file->known || !file->path[0]) return;
  int fd = syscall(SYS_openat, AT_FDCWD, file->path, O_RDWR | O_CLOEXEC, 0);
  if (fd < 0) return;
  int in_part = control->power == POWER_CUT_IN_PART;
  uint64_t now = length_of(fd), length = file->length;
  if (in_part && now != length && chance() % 2) length = now;
  for (uint64_t block = 0; block < BLOCKS; block++) {
    uint64_t was_dirty = file->dirty[block];
    /* What is clean is read from the disk again: after a sync that failed, that is what was there before it. */
    if (!was_dirty && block * BLOCK >= now && block * BLOCK >= length) continue;
    if (was_dirty && in_part && block * BLOCK < now && chance() % 2) {
      keep(file, fd, block);
      uint64_t end = (block + 1) * BLOCK < now ? (block + 1) * BLOCK : now;
      if (length < end) length = end;
      continue;
    }
    control->dropped += was_dirty;
    file->dirty[block] = 0;
    if (syscall(SYS_pwrite64, fd, file->bytes[block], BLOCK, block * BLOCK) != BLOCK) abort();
  }
  set_length(file, length);
  if (syscall(SYS_ftruncate, fd, length) != 0) abort();
  syscall(SYS_close, fd);
}

/* With the gate held, so that nothing more is written. */
static void die(enum kind kind) {
  control->killed = 1 + kind;
  if (control->power != POWER_STAYS)
    for (int i = 0; i < STORES; i++) cut(files[i]);
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

/* Counts an operation: dies before it, or says whether to die after it. With the gate held. */
static int count(enum kind kind) {
  control->counts[kind]++;
  if (!(control->kill_kinds >> kind & 1) || ++control->kill_seen != control->kill_at) return 0;
  if (!control->kill_after) die(kind);
  return 1;
}

static int fails(enum kind kind) {
  if (!(control->fail_kinds >> kind & 1)) return 0;
  uint64_t seen = ++control->fail_seen, at = control->fail_at;
  if (!at || (control->fail_on ? seen < at : seen != at)) return 0;
  control->failed++;
  errno = (int)control->fail_errno;
  return 1;
}

/* ---- the store's files ---- */

static void opened(int fd, const char *path) {
  if (!control || fd < 0 || fd >= FDS) return;
  const char *slash = strrchr(path, '/');
  const char *name = slash ? slash + 1 : path;
  store_of[fd] = socket_of[fd] = 0;
  for (int i = 0; i < STORES; i++) {
    if (strcmp(name, NAMES[i]) != 0) continue;
    struct durable *file = files[i];
    pthread_mutex_lock(&gate);
    if (!realpath(path, file->path)) abort();
    if (!file->known) {
      file->known = 1;
      touch(file, 0, length_of(fd));
      if (length_of(fd)) all_is_durable(file, fd);
    }
    store_of[fd] = 1 + i;
    pthread_mutex_unlock(&gate);
  }
}

static int open_at(int folder, const char *path, int flags, mode_t mode) {
  int fd = syscall(SYS_openat, folder, path, flags, mode);
  if (fd >= 0) opened(fd, path);
  return fd;
}

#define MODE(flags)                        \
  mode_t mode = 0;                         \
  if ((flags) & (O_CREAT | O_TMPFILE)) {   \
    va_list rest;                          \
    va_start(rest, flags);                 \
    mode = va_arg(rest, mode_t);           \
    va_end(rest);                          \
  }

int open(const char *path, int flags, ...) {
  MODE(flags)
  return open_at(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  MODE(flags)
  return open_at(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}

int openat(int folder, const char *path, int flags, ...) {
  MODE(flags)
  return open_at(folder, path, flags, mode);
}

int close(int fd) {
  if (fd >= 0 && fd < FDS) store_of[fd] = socket_of[fd] = 0;
  return syscall(SYS_close, fd);
}

/* One write of a store file; `offset` < 0: where the file stands. */
static ssize_t write_store(struct durable *file, int fd, const void *bytes, size_t size, off_t offset) {
  pthread_mutex_lock(&gate);
  int dies = count(WRITES);
  ssize_t written = -1;
  if (!fails(WRITES)) {
    if (offset < 0) offset = lseek(fd, 0, SEEK_CUR);
    written = syscall(SYS_pwrite64, fd, bytes, size, offset);
    if (written > 0) touch(file, offset, offset + written);
  }
  int error = errno;
  if (dies) die(WRITES);
  pthread_mutex_unlock(&gate);
  errno = error;
  return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset) {
  struct durable *file = store(fd);
  if (!file) return syscall(SYS_pwrite64, fd, bytes, size, offset);
  return write_store(file, fd, bytes, size, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t offset) {
  return pwrite(fd, bytes, size, offset);
}

int ftruncate(int fd, off_t length) {
  struct durable *file = store(fd);
  if (!file) return syscall(SYS_ftruncate, fd, length);
  pthread_mutex_lock(&gate);
  int dies = count(WRITES), result = -1;
  if (!fails(WRITES)) {
    uint64_t now = length_of(fd), wanted = length;
    touch(file, now < wanted ? now : wanted, now < wanted ? wanted : now);
    result = syscall(SYS_ftruncate, fd, length);
  }
  int error = errno;
  if (dies) die(WRITES);
  pthread_mutex_unlock(&gate);
  errno = error;
  return result;
}

int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

static int sync_store(struct durable *file, int fd) {
  pthread_mutex_lock(&gate);
  int dies = count(SYNCS), result = -1;
  if (fails(SYNCS)) {
    /* What was not written is forgotten: the next sync succeeds and says nothing of it. */
    memset(file->dirty, 0, sizeof file->dirty);
  } else if (control->lie) {
    result = 0;
  } else {
    all_is_durable(file, fd);
    result = 0;
  }
  int error = errno;
  if (dies) die(SYNCS);
  pthread_mutex_unlock(&gate);
  errno = error;
  return result;
}

int fsync(int fd) {
  struct durable *file = store(fd);
  return file ? sync_store(file, fd) : syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
  struct durable *file = store(fd);
  return file ? sync_store(file, fd) : syscall(SYS_fdatasync, fd);
}

int unlink(const char *path) {
  const char *slash = strrchr(path, '/');
  for (int i = 0; control && i < STORES; i++) {
    if (strcmp(slash ? slash + 1 : path, NAMES[i]) != 0) continue;
    struct durable *file = files[i];
    pthread_mutex_lock(&gate);
    int dies = count(WRITES), result = -1;
    if (!fails(WRITES)) {
      result = syscall(SYS_unlinkat, AT_FDCWD, path, 0);
      if (result == 0) {
        set_length(file, 0);
        memset(file->dirty, 0, sizeof file->dirty);
        file->exists = 0;
        file->path[0] = 0;
      }
    }
    int error = errno;
    if (dies) die(WRITES);
    pthread_mutex_unlock(&gate);
    errno = error;
    return result;
  }
  return syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

/* ---- sockets ---- */

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags) {
  int accepted = syscall(SYS_accept4, fd, address, size, flags);
  if (accepted >= 0 && accepted < FDS) socket_of[accepted] = ACCEPTED;
  return accepted;
}

int accept(int fd, struct sockaddr *address, socklen_t *size) { return accept4(fd, address, size, 0); }

int connect(int fd, const struct sockaddr *address, socklen_t size) {
  if (fd >= 0 && fd < FDS) socket_of[fd] = CONNECTED;
  return syscall(SYS_connect, fd, address, size);
}

static void heard(int fd, const void *bytes, ssize_t size) {
  if (!control || size < 5 || fd < 0 || fd >= FDS || !(socket_of[fd] & ACCEPTED)) return;
  if (memcmp(bytes, "GET /", 5) == 0) socket_of[fd] = ACCEPTED;
  if (size < 14) return;
  if (memcmp(bytes, "POST /complete", 14) == 0 || memcmp(bytes, "POST /trigger ", 14) == 0)
    socket_of[fd] = ACCEPTED | PUSHED;
}

ssize_t recv(int fd, void *bytes, size_t size, int flags) {
  ssize_t got = syscall(SYS_recvfrom, fd, bytes, size, flags, NULL, NULL);
  heard(fd, bytes, got);
  return got;
}

ssize_t read(int fd, void *bytes, size_t size) {
  ssize_t got = syscall(SYS_read, fd, bytes, size);
  heard(fd, bytes, got);
  return got;
}

ssize_t readv(int fd, const struct iovec *parts, int count_of_parts) {
  ssize_t got = syscall(SYS_readv, fd, parts, count_of_parts);
  if (got > 0) heard(fd, parts[0].iov_base, (size_t)got < parts[0].iov_len ? got : (ssize_t)parts[0].iov_len);
  return got;
}

/* What is about to be said; KINDS: nothing that counts. */
static enum kind said(int fd, const void *bytes, size_t size) {
  if (!control || fd < 0 || fd >= FDS || !socket_of[fd] || size < 10) return KINDS;
  if (socket_of[fd] & CONNECTED) return memcmp(bytes, "POST ", 5) == 0 ? REQUESTS : KINDS;
  if (!(socket_of[fd] & PUSHED) || memcmp(bytes, "HTTP/1.1 ", 9) != 0) return KINDS;
  return ((const char *)bytes)[9] == '2' ? ANSWERS : REFUSALS;
}

/* Says it, and dies before or after it if it is the one. Only the counting is done with the gate held. */
#define SAY(fd, bytes, size, call)                        \
  enum kind kind = said(fd, bytes, size);                 \
  int dies = 0;                                           \
  if (kind != KINDS) {                                    \
    pthread_mutex_lock(&gate);                            \
    dies = count(kind);                                   \
    if (!dies) pthread_mutex_unlock(&gate);               \
  }                                                       \
  ssize_t result = call;                                  \
  if (dies) die(kind);                                    \
  return result;

ssize_t send(int fd, const void *bytes, size_t size, int flags) {
  SAY(fd, bytes, size, syscall(SYS_sendto, fd, bytes, size, flags, NULL, 0))
}

ssize_t write(int fd, const void *bytes, size_t size) {
  struct durable *file = store(fd);
  if (file) return write_store(file, fd, bytes, size, -1);
  SAY(fd, bytes, size, syscall(SYS_write, fd, bytes, size))
}

ssize_t writev(int fd, const struct iovec *parts, int count_of_parts) {
  const void *bytes = count_of_parts > 0 ? parts[0].iov_base : "";
  size_t size = count_of_parts > 0 ? parts[0].iov_len : 0;
  SAY(fd, bytes, size, syscall(SYS_writev, fd, parts, count_of_parts))
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
  const void *bytes = message->msg_iovlen > 0 ? message->msg_iov[0].iov_base : "";
  size_t size = message->msg_iovlen > 0 ? message->msg_iov[0].iov_len : 0;
  SAY(fd, bytes, size, syscall(SYS_sendmsg, fd, message, flags))
}
