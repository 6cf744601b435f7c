/*
 * GET requests to one HTTP server at a fixed rate, over many connections that are kept open.
 *
 * Each line of the file of paths has a connection of its own and is asked for in turn. The clock of a request
 * starts when it was due, not when its connection was free, so that a server that halts is not asked less.
 *
 * A line on stdin asks for a report of the time since the last one; the end of stdin ends the program.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 512, ROOM = 16384, BUCKETS = 64 * 16 };
#define SECOND_NS 1000000000ull

struct connection {
  int fd;
  char *request;
  size_t request_length;
  uint64_t next; /* number of its next request; it has every count-th */
  uint64_t due;  /* of the one under way, ns; 0: none */
  char *answer;
  size_t length;
};

static const char *host = "127.0.0.1", *header = "";
static int port = 80;
static double rate = 1;
static struct connection *connections;
static uint64_t count;
static uint64_t began, wanted; /* requests below this number are due */
static uint64_t histogram[BUCKETS], answered, failed, bytes, measured, longest;
static char first_failure[160];
static int poller;

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void count_latency(uint64_t ns) {
  uint64_t us = ns / 1000 + 1;
  int top = 63 - __builtin_clzll(us);
  histogram[top < 4 ? (int)us : top * 16 + (int)((us >> (top - 4)) & 15)]++;
  measured++;
  if (us > longest) longest = us;
}

static double percentile(double part) {
  uint64_t want = (uint64_t)((double)measured * part), seen = 0;
  for (int bucket = 0; bucket < BUCKETS; bucket++) {
    seen += histogram[bucket];
    if (seen > want) {
      int top = bucket / 16;
      return top < 4 ? bucket : (double)((1ull << top) + ((uint64_t)(bucket % 16) << (top - 4)));
    }
  }
  return 0;
}

static void report(uint64_t since, uint64_t now) {
  uint64_t waiting = 0;
  for (uint64_t at = 0; at < count; at++) {
    struct connection *each = &connections[at];
    waiting += each->due != 0;
    if (each->next < wanted) waiting += (wanted - each->next + count - 1) / count;
  }
  printf("{\"event\":\"report\",\"seconds\":%.3f,\"answered\":%llu,\"failed\":%llu,\"waiting\":%llu,\"bytes\":%llu,"
    "\"p50\":%.0f,\"p99\":%.0f,\"max\":%llu,\"failure\":\"%s\"}\n",
    (double)(now - since) / (double)SECOND_NS, (unsigned long long)answered, (unsigned long long)failed,
    (unsigned long long)waiting, (unsigned long long)bytes, percentile(0.5), percentile(0.99),
    (unsigned long long)longest, first_failure);
  fflush(stdout);
  memset(histogram, 0, sizeof histogram);
  answered = failed = bytes = measured = longest = 0;
  first_failure[0] = 0;
}

static void note_failure(const char *text, size_t length) {
  failed++;
  if (first_failure[0]) return;
  size_t at = 0;
  for (; at < length && at < sizeof first_failure - 1; at++) {
    char letter = text[at];
    first_failure[at] = letter >= ' ' && letter < 127 && letter != '"' && letter != '\\' ? letter : '.';
  }
  first_failure[at] = 0;
}

static void open_connection(struct connection *connection, uint64_t index) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  int on = 1;
  if (inet_pton(AF_INET, host, &to.sin_addr) != 1) { fprintf(stderr, "bad host\n"); exit(2); }
  connection->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connection->fd < 0) die("socket");
  if (connect(connection->fd, (struct sockaddr *)&to, sizeof to) != 0) die("connect");
  setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(connection->fd, F_SETFL, O_NONBLOCK);
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = index};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, connection->fd, &event) != 0) die("epoll_ctl");
}

static void reopen(struct connection *connection, uint64_t index) {
  close(connection->fd);
  connection->length = 0;
  open_connection(connection, index);
}

/* Sends the next request of a connection that has none under way, if it is due. */
static void send_next(struct connection *connection, uint64_t index) {
  while (connection->due == 0 && connection->next < wanted) {
    connection->due = began + (uint64_t)((double)(connection->next + 1) / rate * (double)SECOND_NS);
    connection->next += count;
    ssize_t done = write(connection->fd, connection->request, connection->request_length);
    /* A request is shorter than any socket's buffer. */
    if (done == (ssize_t)connection->request_length) return;
    note_failure("connection closed", 17);
    connection->due = 0;
    reopen(connection, index);
  }
}

/* @returns the length of the first whole answer; 0 while there is none */
static size_t whole_answer(struct connection *connection) {
  char *end = memmem(connection->answer, connection->length, "\r\n\r\n", 4);
  if (!end) return 0;
  size_t head = (size_t)(end - connection->answer) + 4, body = 0;
  for (char *line = connection->answer; line < end; line = (char *)memchr(line, '\n', (size_t)(end + 2 - line)) + 1) {
    if (strncasecmp(line, "content-length:", 15) == 0) body = strtoull(line + 15, NULL, 10);
  }
  if (head + body > ROOM) { fprintf(stderr, "an answer of %zu bytes\n", head + body); exit(1); }
  return head + body <= connection->length ? head + body : 0;
}

static void take(struct connection *connection, uint64_t index) {
  for (;;) {
    ssize_t got = read(connection->fd, connection->answer + connection->length, ROOM - connection->length);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      if (connection->due) note_failure("connection closed", 17);
      connection->due = 0;
      reopen(connection, index);
      send_next(connection, index);
      return;
    }
    connection->length += (size_t)got;
    size_t length = whole_answer(connection);
    if (length == 0) continue;
    int refused = connection->length < 12 || memcmp(connection->answer + 9, "200", 3) != 0;
    char *reason = memmem(connection->answer, length, "failure reason", 14);
    if (refused) note_failure(connection->answer, length);
    else if (reason) note_failure(reason, length - (size_t)(reason - connection->answer));
    else answered++;
    bytes += length;
    count_latency(now_ns() - connection->due);
    connection->due = 0;
    connection->length = 0;
    send_next(connection, index);
  }
}

static void load_paths(const char *file) {
  FILE *paths = fopen(file, "r");
  if (!paths) die(file);
  char *line = NULL;
  size_t room = 0;
  ssize_t length;
  while ((length = getline(&line, &room, paths)) > 0) {
    line[strcspn(line, "\n")] = 0;
    connections = realloc(connections, (count + 1) * sizeof *connections);
    if (!connections) die("realloc");
    struct connection *connection = &connections[count];
    memset(connection, 0, sizeof *connection);
    connection->next = count++;
    int made = asprintf(&connection->request, "GET %s HTTP/1.1\r\nhost: %s:%d\r\n%s%s\r\n", line, host, port, header,
      *header ? "\r\n" : "");
    connection->answer = malloc(ROOM);
    if (made < 0 || !connection->answer) die("malloc");
    connection->request_length = (size_t)made;
  }
  fclose(paths);
}

static void run(void) {
  uint64_t since = began = now_ns();
  struct epoll_event events[EVENTS];
  struct epoll_event input = {.events = EPOLLIN, .data.u64 = UINT64_MAX};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, 0, &input) != 0) die("epoll_ctl");
  for (;;) {
    uint64_t now = now_ns(), due = (uint64_t)((double)(now - began) / (double)SECOND_NS * rate);
    while (wanted < due) {
      uint64_t index = wanted++ % count;
      send_next(&connections[index], index);
    }
    double ahead = (double)(wanted + 1) / rate * 1000 - (double)(now - began) / 1e6;
    int got = epoll_wait(poller, events, EVENTS, ahead > 100 ? 100 : ahead < 1 ? 1 : (int)ahead);
    for (int at = 0; at < got; at++) {
      uint64_t index = events[at].data.u64;
      if (index != UINT64_MAX) { take(&connections[index], index); continue; }
      char lines[64];
      ssize_t length = read(0, lines, sizeof lines);
      if (length <= 0) return;
      now = now_ns();
      report(since, now);
      since = now;
    }
  }
}

int main(int words, char **word) {
  const char *paths = NULL;
  for (int at = 1; at + 1 < words; at += 2) {
    if (!strcmp(word[at], "--host")) host = word[at + 1];
    else if (!strcmp(word[at], "--port")) port = atoi(word[at + 1]);
    else if (!strcmp(word[at], "--rate")) rate = atof(word[at + 1]);
    else if (!strcmp(word[at], "--header")) header = word[at + 1];
    else if (!strcmp(word[at], "--paths")) paths = word[at + 1];
    else { fprintf(stderr, "unknown flag %s\n", word[at]); return 2; }
  }
  if (!paths || rate <= 0) { fprintf(stderr, "--paths and --rate are needed\n"); return 2; }
  poller = epoll_create1(0);
  if (poller < 0) die("epoll_create1");
  load_paths(paths);
  if (count == 0) { fprintf(stderr, "no paths\n"); return 2; }
  for (uint64_t at = 0; at < count; at++) open_connection(&connections[at], at);
  printf("{\"event\":\"ready\",\"connections\":%llu}\n", (unsigned long long)count);
  fflush(stdout);
  run();
  return 0;
}
