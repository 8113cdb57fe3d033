/* A load generator that costs little: many live readers, or one reader of a page, on one core.
 *
 * Built by bench/clients.py with the system's C compiler into a temporary folder. One thread, one epoll,
 * level-triggered, one recv a wake-up. Orders come as lines on standard input, each is answered by one line.
 * Times are CLOCK_MONOTONIC in microseconds, which is Python's time.monotonic().
 *
 *   readers MARK                        MARK: the bytes that every event to be counted holds once
 *   join COUNT PORT PATH EVENTS         connects readers; answers when each has the answer's head; EVENTS is how many
 *                                       events were counted before they came
 *   event N TIMEOUT_MS                  waits until every joined reader has N events; answers
 *                                       "N first p50 p99 last" of the Nth one, counted from 1
 *   storm RATE SECONDS PORT PATH        joins and leaves, RATE a second, beside the readers that stay; answers
 *                                       "joined failed p50 p99 max" (microseconds from connect to the stream's head)
 *   stuck COUNT PORT PATH               joins readers that never read
 *   page PORT PATH INTERVAL_US MS       asks for a page every so often on one kept connection; answers
 *                                       "count p50 p99 max"
 *   until PORT TEXT INTERVAL_US TIMEOUT_MS PATH [PATH ...]
 *                                       asks for pages, each on a kept connection of its own, every so often after its
 *                                       last answer and with that one's ETag, until each holds TEXT; answers with when
 *                                       that was, or 0
 *   leave                               hangs up on everyone
 *   cpu                                 microseconds of this process's own processor time
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 20000, EVENTS = 4096, TAIL = 32, BATCH = 512, CONNECTING = 256, PAGES = 8, ETAG = 80 };
enum { FREE, WAITS, LIVE, PASSING };

struct reader {
    char state, tail[TAIL];
    int held, events;
    long begun;
};

static struct reader readers[MOST + 64];
static const char *mark;
static int epfd, mark_length, joined, waiting;
static long *arrivals[EVENTS], storm_times[1 << 20];
static int arrived[EVENTS], storm_count, storm_failed, passing;
static char buffer[1 << 16], answer[1 << 22];

static long now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

static int ascending(const void *a, const void *b) {
    long x = *(const long *)a, y = *(const long *)b;
    return (x > y) - (x < y);
}

static int dial(int port, const char *path, int options) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | options, 0), one = 1;
    char head[1024];
    if (fd < 0 || fd >= MOST) {
        if (fd >= 0) close(fd);
        return -1;
    }
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) {
        close(fd);
        return -1;
    }
    int length = snprintf(head, sizeof head,
                          "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: text/event-stream\r\n\r\n", path, port);
    if (send(fd, head, length, MSG_NOSIGNAL) != length) {
        close(fd);
        return -1;
    }
    return fd;
}

static void watch(int fd, char state, int events) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    readers[fd] = (struct reader){.state = state, .begun = now_us(), .events = events};
    fcntl(fd, F_SETFL, O_NONBLOCK);
    epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event);
}

/* Linger 0 hangs up by a reset: twenty thousand ports in TIME_WAIT would end the measurement. */
static void hang_up(int fd) {
    struct linger at_once = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
    readers[fd].state = FREE;
}

static void count_events(struct reader *reader, char *data, int length, long at) {
    /* `data` has TAIL bytes of room before it: what was left of the last piece goes there. */
    char *from = data - reader->held, *end = data + length;
    memcpy(from, reader->tail, reader->held);
    while ((from = memmem(from, end - from, mark, mark_length))) {
        from += mark_length;
        int number = reader->events++;
        if (number >= EVENTS || arrived[number] >= MOST) continue;
        if (!arrivals[number]) arrivals[number] = malloc(MOST * sizeof(long));
        arrivals[number][arrived[number]++] = at;
    }
    reader->held = mark_length - 1 < length ? mark_length - 1 : length;
    memcpy(reader->tail, end - reader->held, reader->held);
}

static void hear(int fd, long at) {
    struct reader *reader = &readers[fd];
    char *data = buffer + TAIL;
    long length = recv(fd, data, sizeof buffer - TAIL, 0);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (length <= 0) {
        if (reader->state == LIVE) joined--;
        if (reader->state == WAITS) waiting--;
        if (reader->state == PASSING) passing--, storm_failed++;
        close(fd);
        reader->state = FREE;
        return;
    }
    if (reader->state == PASSING) {
        if (storm_count < (int)(sizeof storm_times / sizeof *storm_times)) storm_times[storm_count++] = at - reader->begun;
        passing--;
        hang_up(fd);
        return;
    }
    if (reader->state == WAITS) reader->state = LIVE, waiting--, joined++;
    count_events(reader, data, length, at);
}

static void turn(int timeout_ms) {
    static struct epoll_event events[BATCH];
    int count = epoll_wait(epfd, events, BATCH, timeout_ms);
    for (int i = 0; i < count; i++) hear(events[i].data.fd, now_us());
}

static void say_spread(long *times, int count) {
    qsort(times, count, sizeof *times, ascending);
    if (!count) printf(" 0 0 0\n");
    else printf(" %ld %ld %ld\n", times[count / 2], times[(int)(count * 0.99)], times[count - 1]);
}

static void join(int count, int port, const char *path, int events) {
    long begun = now_us();
    for (int made = 0; made < count; made++) {
        int fd = dial(port, path, 0);
        if (fd < 0) break;
        watch(fd, WAITS, events);
        waiting++;
        do turn(0);
        while (waiting > CONNECTING && now_us() - begun < 60000000);
    }
    while (waiting && now_us() - begun < 60000000) turn(100);
    for (long quiet = now_us() + 300000; now_us() < quiet;) turn(50); /* what comes after the head */
    printf("%d %ld\n", joined, now_us() - begun);
}

static void wait_event(int number, int timeout_ms) {
    long until = now_us() + timeout_ms * 1000L;
    int at = number - 1;
    while (arrived[at] < joined && now_us() < until) turn(20);
    printf("%d %ld", arrived[at], arrived[at] ? arrivals[at][0] : 0);
    say_spread(arrivals[at], arrived[at]);
}

static void storm(int rate, int seconds, int port, const char *path) {
    long begun = now_us(), end = begun + seconds * 1000000L, made = 0, at;
    storm_count = storm_failed = 0;
    while ((at = now_us()) < end) {
        if (made < (at - begun) * rate / 1000000 && passing < 4000) {
            int fd = dial(port, path, 0);
            made++;
            if (fd < 0) storm_failed++;
            else watch(fd, PASSING, 0), readers[fd].begun = at, passing++;
            turn(0);
        } else turn(1);
    }
    for (long until = now_us() + 5000000; passing && now_us() < until;) turn(50);
    printf("%d %d", storm_count, storm_failed + passing);
    say_spread(storm_times, storm_count);
}

static int connect_to(int port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0) return fd;
    close(fd);
    return -1;
}

/* Reads one answer into `answer`; returns its bytes, or -1. */
static long receive(int fd) {
    long got = 0, whole = 0;
    while (!whole || got < whole) {
        long more = recv(fd, answer + got, sizeof answer - 1 - got, 0);
        if (more <= 0) return -1;
        got += more;
        answer[got] = 0;
        if (whole) continue;
        char *end = strstr(answer, "\r\n\r\n"), *size = strcasestr(answer, "content-length: ");
        if (end) whole = end + 4 - answer + (size && size < end && strncmp(answer + 9, "304", 3) ? atol(size + 16) : 0);
        if (whole > (long)sizeof answer - 1) return -1;
    }
    return got;
}

/* Asks for one page; returns the microseconds that it took, or -1. */
static long read_page(int fd, const char *head, int length) {
    long begun = now_us();
    if (send(fd, head, length, MSG_NOSIGNAL) != length || receive(fd) < 0) return -1;
    return now_us() - begun;
}

static void page(int port, const char *path, int interval_us, int ms) {
    char head[1200];
    int count = 0, fd = connect_to(port);
    int length = snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", path, port);
    if (fd >= 0)
        for (long end = now_us() + ms * 1000L; now_us() < end && count < (1 << 20); usleep(interval_us)) {
            long took = read_page(fd, head, length);
            if (took < 0) break;
            storm_times[count++] = took;
        }
    close(fd);
    printf("%d", count);
    say_spread(storm_times, count);
}

/* A page that is asked for until it holds a text; its ETag is kept between orders. */
struct wanted {
    char path[256], etag[ETAG];
    int fd, asked;
    long next, found;
};

static int ask(struct wanted *page, int port) {
    char head[1200];
    int length = snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s%s%s\r\n", page->path, port,
                          page->etag[0] ? "If-None-Match: " : "", page->etag, page->etag[0] ? "\r\n" : "");
    page->asked = 1;
    return send(page->fd, head, length, MSG_NOSIGNAL) == length;
}

static int take(struct wanted *page, const char *text, int interval_us) {
    if (receive(page->fd) < 0) return 0;
    char *etag = strcasestr(answer, "\netag: ");
    if (etag && !strncmp(answer + 9, "200", 3)) sscanf(etag + 7, "%79[^\r]", page->etag);
    if (strstr(answer, text)) page->found = now_us();
    page->asked = 0;
    page->next = now_us() + interval_us;
    return 1;
}

static void until(int port, const char *text, int interval_us, int ms, char *paths) {
    static struct wanted pages[PAGES];
    struct pollfd waits[PAGES];
    int count = 0, left;
    long end = now_us() + ms * 1000L;
    for (char *word = strtok(paths, " \n"); word && count < PAGES; word = strtok(NULL, " \n"), count++) {
        struct wanted *page = pages + count;
        if (strcmp(page->path, word)) snprintf(page->path, sizeof page->path, "%s", word), page->etag[0] = 0;
        page->fd = connect_to(port);
        /* Not all at the same moment. */
        page->next = now_us() + count * (long)interval_us / PAGES;
        page->found = page->asked = 0;
    }
    for (left = count; left && now_us() < end;) {
        long now = now_us(), next = end;
        for (int i = 0; i < count; i++) {
            struct wanted *page = pages + i;
            if (!page->found && !page->asked && page->next <= now && !ask(page, port)) end = 0;
            if (!page->found && !page->asked && page->next < next) next = page->next;
            waits[i] = (struct pollfd){.fd = page->asked ? page->fd : -1, .events = POLLIN};
        }
        struct timespec pause = {.tv_nsec = next > now ? (next - now) % 1000000 * 1000 : 0};
        if (ppoll(waits, count, &pause, NULL) <= 0) continue;
        for (int i = 0; i < count; i++) {
            if (!waits[i].revents) continue;
            if (!take(pages + i, text, interval_us)) end = 0;
            if (pages[i].found) left--;
        }
    }
    for (int i = 0; i < count; i++) {
        close(pages[i].fd);
        printf(i ? " %ld" : "%ld", pages[i].found);
    }
    puts("");
}

int main(int argc, char **argv) {
    static char line[4096], path[1024];
    int a, b, c, paths;
    if (argc != 2 || strlen(argv[1]) >= TAIL) return 2;
    mark = argv[1];
    mark_length = strlen(mark);
    epfd = epoll_create1(0);
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof line, stdin)) {
        if (sscanf(line, "join %d %d %1000s %d", &a, &b, path, &c) == 4) join(a, b, path, c);
        else if (sscanf(line, "event %d %d", &a, &b) == 2 && a >= 1 && a <= EVENTS) wait_event(a, b);
        else if (sscanf(line, "storm %d %d %d %1000s", &a, &b, &c, path) == 4) storm(a, b, c, path);
        else if (sscanf(line, "page %d %1000s %d %d", &a, path, &b, &c) == 4) page(a, path, b, c);
        else if (sscanf(line, "until %d %1000s %d %d %n", &a, path, &b, &c, &paths) == 4) until(a, path, b, c, line + paths);
        else if (sscanf(line, "stuck %d %d %1000s", &a, &b, path) == 3) {
            int made = 0;
            while (made < a && dial(b, path, 0) >= 0) made++;
            printf("%d\n", made);
        } else if (!strcmp(line, "leave\n")) {
            for (int fd = 0; fd < MOST; fd++)
                if (readers[fd].state != FREE) hang_up(fd);
            joined = waiting = 0;
            for (int i = 0; i < EVENTS; i++) arrived[i] = 0;
            puts("left");
        } else if (!strcmp(line, "cpu\n")) {
            struct rusage use;
            getrusage(RUSAGE_SELF, &use);
            printf("%ld\n", (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000L + use.ru_utime.tv_usec + use.ru_stime.tv_usec);
        } else puts("?");
    }
    return 0;
}
