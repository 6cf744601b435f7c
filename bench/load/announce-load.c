/*
 * Announces to a UDP tracker (BEP 15) as fast as it answers, or at a fixed rate, from many addresses.
 *
 * One socket speaks for all hosts: IP_PKTINFO gives each datagram a source address of 10.0.0.0/8, which
 * the network namespace has to call local (ip route add local 10.0.0.0/8 dev lo). Datagrams go out and
 * come in by the hundred (sendmmsg, recvmmsg), so that one core of this outruns any tracker.
 *
 * Swarms are made up, unless a file names them: a line each, the info-hash in hex, a blank, and the path of the
 * announce URL (BEP 41), by which the tracker may know a key.
 *
 * With --reports a line on stdin asks for a report of the time since the last one, and its end ends the program.
 *
 * A "place" is one host in one swarm. Every host connects first, and again when its connection id is
 * older than BEP 15 allows a client to use it. What is not answered in time is sent again, and counted.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 256, MAX_SLOTS = 16384, ANSWER = 2048, ANNOUNCE_BYTES = 98, MAX_URL = 255, CONNECT_BYTES = 16,
  REQUEST_BYTES = ANNOUNCE_BYTES + 2 + MAX_URL };
#define CONNECTION_NS 50000000000ull
#define SECOND_NS 1000000000ull
#define FIRST_HOST 0x0a000100u /* 10.0.1.0 */

struct options {
  const char *target;
  int port;
  uint64_t hosts, swarms, places, active;
  int diagonal, fill, want, window, warmup, reports;
  double seconds, rate;
  uint64_t timeout_ms;
};

struct host {
  unsigned char id[8];
  uint64_t since; /* 0: never connected */
};

struct swarm {
  unsigned char hash[20];
  unsigned char url_length;
  char url[MAX_URL];
};

struct slot {
  uint64_t sent, began;
  uint64_t place;
  uint32_t transaction;
  unsigned char busy, connecting, retried;
};

/* Four significant bits: a bucket is at most 1/16 wide. */
static uint64_t histogram[64 * 16];
static struct options opt = {.target = "10.255.255.1", .port = 6969, .hosts = 1000, .swarms = 10, .want = 50,
  .window = 512, .seconds = 5, .warmup = 1, .timeout_ms = 1000};
static struct host *hosts;
static struct swarm *named; /* null: made up */
static uint64_t named_count;
static struct slot slots[MAX_SLOTS];
static uint32_t free_slots[MAX_SLOTS];
static uint32_t free_count;
static int fd;
static struct sockaddr_in to;
static struct mmsghdr out[BATCH], in[BATCH];
static struct iovec out_iov[BATCH], in_iov[BATCH];
static unsigned char out_bytes[BATCH][REQUEST_BYTES], in_bytes[BATCH][ANSWER];
static unsigned char out_control[BATCH][CMSG_SPACE(sizeof(struct in_pktinfo))];
static int out_count;
static uint64_t announces, connects, errors, lost, peers, bad, measured;
static uint64_t random_state = 0x9e3779b97f4a7c15ull;
static char first_error[128];

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

static uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

static uint64_t random_below(uint64_t below) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (uint64_t)(((unsigned __int128)random_state * below) >> 64);
}

static void put32(unsigned char *at, uint32_t value) {
  value = htonl(value);
  memcpy(at, &value, 4);
}

static uint32_t get32(const unsigned char *at) {
  uint32_t value;
  memcpy(&value, at, 4);
  return ntohl(value);
}

static void info_hash(uint64_t swarm, unsigned char *at) {
  if (named) { memcpy(at, named[swarm].hash, 20); return; }
  for (int word = 0; word < 3; word++) {
    uint64_t value = mix(swarm * 3 + (uint64_t)word);
    memcpy(at + 8 * word, &value, word == 2 ? 4 : 8);
  }
}

/* Hosts in turn: those who announce one after another are not all the same host, which has to connect first. */
static uint64_t host_of(uint64_t place) { return place % opt.hosts; }
static uint64_t swarm_of(uint64_t place) { return opt.diagonal ? place : place / opt.hosts; }

/* One place in four has everything. */
static int is_seed(uint64_t place) { return mix(place) % 4 == 0; }

static void flush_out(void) {
  int done = 0;
  while (done < out_count) {
    int sent = sendmmsg(fd, out + done, (unsigned)(out_count - done), 0);
    if (sent > 0) done += sent;
    else if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS) { perror("sendmmsg"); exit(1); }
  }
  out_count = 0;
}

/* The option of BEP 41 that carries the path. @returns its length */
static size_t put_url(const struct swarm *swarm, unsigned char *at) {
  if (swarm->url_length == 0) return 0;
  at[0] = 2;
  at[1] = swarm->url_length;
  memcpy(at + 2, swarm->url, swarm->url_length);
  return 2 + (size_t)swarm->url_length;
}

static void send_slot(uint32_t index, uint64_t now) {
  struct slot *slot = &slots[index];
  uint64_t number = host_of(slot->place);
  struct host *host = &hosts[number];
  unsigned char *bytes = out_bytes[out_count];
  size_t length = ANNOUNCE_BYTES;
  slot->transaction = (slot->transaction + MAX_SLOTS) | 0;
  slot->sent = now;
  slot->busy = 1;
  slot->connecting = host->since == 0 || now - host->since > CONNECTION_NS;
  memset(bytes, 0, ANNOUNCE_BYTES);
  if (slot->connecting) {
    put32(bytes, 0x417);
    put32(bytes + 4, 0x27101980);
    put32(bytes + 12, slot->transaction);
  } else {
    memcpy(bytes, host->id, 8);
    put32(bytes + 8, 1);
    put32(bytes + 12, slot->transaction);
    info_hash(swarm_of(slot->place), bytes + 16);
    memcpy(bytes + 36, "-LT2080-", 8);
    uint64_t id = mix(number);
    memcpy(bytes + 44, &id, 8);
    put32(bytes + 68, is_seed(slot->place) ? 0 : 1000000);
    put32(bytes + 80, opt.fill ? 2 : 0);
    put32(bytes + 92, (uint32_t)opt.want);
    bytes[96] = 6881 >> 8;
    bytes[97] = 6881 & 255;
    if (named) length += put_url(&named[swarm_of(slot->place)], bytes + ANNOUNCE_BYTES);
  }
  out_iov[out_count].iov_len = slot->connecting ? CONNECT_BYTES : length;
  struct in_pktinfo *from = (struct in_pktinfo *)CMSG_DATA((struct cmsghdr *)out_control[out_count]);
  from->ipi_spec_dst.s_addr = htonl(FIRST_HOST + (uint32_t)number);
  if (++out_count == BATCH) flush_out();
}

static void count_latency(uint64_t ns) {
  uint64_t us = ns / 1000 + 1;
  int top = 63 - __builtin_clzll(us);
  int bucket = top < 4 ? (int)us : top * 16 + (int)((us >> (top - 4)) & 15);
  histogram[bucket]++;
  measured++;
}

static double percentile(double part) {
  uint64_t want = (uint64_t)((double)measured * part), seen = 0;
  for (int bucket = 0; bucket < 64 * 16; bucket++) {
    seen += histogram[bucket];
    if (seen > want) {
      int top = bucket / 16;
      return top < 4 ? bucket : (double)((1ull << top) + ((uint64_t)(bucket % 16) << (top - 4)));
    }
  }
  return 0;
}

/* @returns 1 when the announce of this slot is done */
static int take(const unsigned char *bytes, unsigned length, uint64_t now, int counting) {
  if (length < 8) return bad++, 0;
  uint32_t transaction = get32(bytes + 4), index = transaction % MAX_SLOTS;
  struct slot *slot = &slots[index];
  if (!slot->busy || slot->transaction != transaction) return 0; /* late: it was sent again */
  uint32_t action = get32(bytes);
  if (action == 3) {
    errors++;
    if (!first_error[0]) snprintf(first_error, sizeof first_error, "%.*s", (int)(length - 8), bytes + 8);
    hosts[host_of(slot->place)].since = 0;
    if (errors > 1000 && announces == 0) { fprintf(stderr, "refused: %s\n", first_error); exit(1); }
    send_slot(index, now);
    return 0;
  }
  if (slot->connecting && action == 0 && length >= 16) {
    struct host *host = &hosts[host_of(slot->place)];
    memcpy(host->id, bytes + 8, 8);
    host->since = now;
    connects++;
    slot->began = now;
    send_slot(index, now);
    return 0;
  }
  if (slot->connecting || action != 1 || length < 20 || (length - 20) % 6 != 0) return bad++, 0;
  if (counting) {
    announces++;
    peers += (length - 20) / 6;
    count_latency(now - slot->began);
  }
  slot->busy = 0;
  free_slots[free_count++] = index;
  return 1;
}

static void open_socket(void) {
  int size = 32 << 20, on = 1;
  fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
  setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof on);
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(6881)};
  if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof any) != 0) { perror("bind"); exit(1); }
  to.sin_family = AF_INET;
  to.sin_port = htons((uint16_t)opt.port);
  if (inet_pton(AF_INET, opt.target, &to.sin_addr) != 1) { fprintf(stderr, "bad target\n"); exit(2); }
  for (int at = 0; at < BATCH; at++) {
    in_iov[at] = (struct iovec){in_bytes[at], ANSWER};
    in[at].msg_hdr = (struct msghdr){.msg_iov = &in_iov[at], .msg_iovlen = 1};
    out_iov[at] = (struct iovec){out_bytes[at], ANNOUNCE_BYTES};
    struct cmsghdr *control = (struct cmsghdr *)out_control[at];
    control->cmsg_level = IPPROTO_IP;
    control->cmsg_type = IP_PKTINFO;
    control->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
    out[at].msg_hdr = (struct msghdr){.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &out_iov[at],
      .msg_iovlen = 1, .msg_control = out_control[at], .msg_controllen = sizeof out_control[at]};
  }
}

static void resend_late(uint64_t now) {
  for (int index = 0; index < opt.window; index++) {
    if (!slots[index].busy || now - slots[index].sent < opt.timeout_ms * 1000000ull) continue;
    lost++;
    send_slot((uint32_t)index, now);
  }
}

static void report(uint64_t since, uint64_t done) {
  double seconds = (double)(now_ns() - since) / (double)SECOND_NS;
  printf("{\"event\":\"report\",\"announces\":%llu,\"answered\":%llu,\"seconds\":%.3f,\"perSecond\":%.0f,\"connects\":%llu,\"lost\":%llu,"
    "\"errors\":%llu,\"bad\":%llu,\"peersPerAnswer\":%.2f,\"p50\":%.0f,\"p90\":%.0f,\"p99\":%.0f,\"p999\":%.0f,\"max\":%.0f}\n",
    (unsigned long long)announces, (unsigned long long)done, seconds, (double)announces / seconds, (unsigned long long)connects,
    (unsigned long long)lost, (unsigned long long)errors, (unsigned long long)bad,
    announces ? (double)peers / (double)announces : 0, percentile(0.5), percentile(0.9), percentile(0.99),
    percentile(0.999), percentile(0.9999999));
  fflush(stdout);
}

/* @returns 0 at the end of stdin */
static int report_if_asked(uint64_t *since, uint64_t done) {
  struct pollfd asked = {.fd = 0, .events = POLLIN};
  char lines[64];
  if (poll(&asked, 1, 0) <= 0) return 1;
  if (read(0, lines, sizeof lines) <= 0) return 0;
  report(*since, done);
  *since = now_ns();
  announces = connects = lost = errors = peers = measured = 0;
  memset(histogram, 0, sizeof histogram);
  return 1;
}

static void run(void) {
  uint64_t next = 0, done = 0, start = now_ns(), last_look = start;
  uint64_t count_from = opt.fill ? start : start + (uint64_t)opt.warmup * SECOND_NS;
  uint64_t end = opt.fill ? UINT64_MAX : count_from + (uint64_t)(opt.seconds * (double)SECOND_NS);
  double owed = 0, per_ns = opt.rate / (double)SECOND_NS;
  uint64_t before = start;
  for (int index = 0; index < opt.window; index++) {
    slots[index].transaction = (uint32_t)index;
    free_slots[free_count++] = (uint32_t)index;
  }
  for (;;) {
    uint64_t now = now_ns();
    if (now >= end || (opt.fill && done >= opt.places)) break;
    if (opt.rate > 0) {
      owed += (double)(now - before) * per_ns;
      before = now;
    }
    while (free_count > 0 && (!opt.fill || next < opt.places) && (opt.rate == 0 || owed >= 1)) {
      uint32_t index = free_slots[--free_count];
      if (opt.fill) slots[index].place = next++;
      /* Only those who download: a tracker may well give nobody to who has everything. */
      else do slots[index].place = random_below(opt.active) * (opt.places / opt.active); while (is_seed(slots[index].place));
      slots[index].began = now;
      owed -= 1;
      send_slot(index, now);
    }
    flush_out();
    int got = recvmmsg(fd, in, BATCH, MSG_DONTWAIT, NULL);
    if (got <= 0) {
      struct pollfd readable = {.fd = fd, .events = POLLIN};
      poll(&readable, 1, opt.rate > 0 && !opt.reports ? 0 : 1);
    }
    now = now_ns();
    for (int at = 0; at < got; at++) done += (uint64_t)take(in_bytes[at], in[at].msg_len, now, now >= count_from);
    if (now - last_look > 100000000ull) {
      last_look = now;
      resend_late(now);
      if (opt.reports && !report_if_asked(&count_from, done)) return;
      if (done == 0 && connects == 0 && now - start > 20 * SECOND_NS) { fprintf(stderr, "nobody answers\n"); exit(1); }
    }
  }
  report(count_from, done);
}

static void print_hashes(uint64_t swarms) {
  for (uint64_t swarm = 0; swarm < swarms; swarm++) {
    unsigned char hash[20];
    info_hash(swarm, hash);
    for (int at = 0; at < 20; at++) printf("%02X", hash[at]);
    putchar('\n');
  }
}

static void load_swarms(const char *file) {
  FILE *lines = fopen(file, "r");
  char hash[41], url[MAX_URL + 1];
  if (!lines) { perror(file); exit(1); }
  while (fscanf(lines, "%40s %255s", hash, url) == 2) {
    named = realloc(named, (named_count + 1) * sizeof *named);
    if (!named) { perror("realloc"); exit(1); }
    struct swarm *swarm = &named[named_count++];
    for (int at = 0; at < 20; at++) sscanf(hash + 2 * at, "%2hhx", &swarm->hash[at]);
    swarm->url_length = (unsigned char)strlen(url);
    memcpy(swarm->url, url, swarm->url_length);
  }
  fclose(lines);
}

static uint64_t number(const char *text) { return strtoull(text, NULL, 10); }

int main(int count, char **words) {
  for (int at = 1; at < count; at++) {
    const char *flag = words[at], *value = at + 1 < count ? words[at + 1] : "";
    if (!strcmp(flag, "--fill")) { opt.fill = 1; continue; }
    if (!strcmp(flag, "--reports")) { opt.reports = 1; opt.seconds = 1e9; continue; }
    if (!strcmp(flag, "--diagonal")) { opt.diagonal = 1; continue; }
    if (!strcmp(flag, "--hashes")) { print_hashes(number(value)); return 0; }
    if (!strcmp(flag, "--target")) opt.target = value;
    else if (!strcmp(flag, "--port")) opt.port = atoi(value);
    else if (!strcmp(flag, "--hosts")) opt.hosts = number(value);
    else if (!strcmp(flag, "--swarms")) opt.swarms = number(value);
    else if (!strcmp(flag, "--swarm-file")) load_swarms(value);
    else if (!strcmp(flag, "--active")) opt.active = number(value);
    else if (!strcmp(flag, "--want")) opt.want = atoi(value);
    else if (!strcmp(flag, "--window")) opt.window = atoi(value);
    else if (!strcmp(flag, "--warmup")) opt.warmup = atoi(value);
    else if (!strcmp(flag, "--seconds")) opt.seconds = atof(value);
    else if (!strcmp(flag, "--rate")) opt.rate = atof(value);
    else { fprintf(stderr, "unknown flag %s\n", flag); return 2; }
    at++;
  }
  if (named) opt.swarms = named_count;
  opt.places = opt.diagonal ? opt.swarms : opt.hosts * opt.swarms;
  if (opt.active == 0 || opt.active > opt.places) opt.active = opt.places;
  if (opt.window < 1 || opt.window > MAX_SLOTS) { fprintf(stderr, "bad window\n"); return 2; }
  hosts = calloc(opt.hosts, sizeof *hosts);
  if (!hosts) { perror("calloc"); return 1; }
  open_socket();
  run();
  return 0;
}
