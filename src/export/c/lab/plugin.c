/*
 * QEMU plugin (API version 1, QEMU 7.2): what one kernel call executed and which bytes it moved.
 *
 * Counts, for the address range [lo, hi) of the kernels' code, how often each instruction ran and each branch was taken,
 * and, for the memory range [mlo, mhi) of the test's buffers, the bytes loaded and stored by granule of 16 bytes.
 * Whenever the instruction at `mark` runs, everything counted since the last mark is written to `out` and forgotten:
 *     i PC TIMES TAKEN        m ADDRESS LOADED STORED        .
 *
 * Build: gcc -O2 -shared -fPIC plugin.c -o plugin.so          (prototypes by hand: Debian ships no qemu-plugin.h)
 * Use:   qemu-… -plugin plugin.so,out=FILE,lo=HEX,hi=HEX,mark=HEX,mlo=HEX,mhi=HEX
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef uint64_t plugin_id;
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, void (*)(unsigned, void *), int, void *);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *, void (*)(unsigned, uint32_t, uint64_t, void *), int, int, void *);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);
unsigned qemu_plugin_mem_size_shift(uint32_t);
int qemu_plugin_mem_is_store(uint32_t);

enum { NO_REGS = 0, MEM_RW = 3, GRANULE = 16 };

struct block { struct block *next; uint64_t times, start, end, taken; size_t n; uint64_t pc[]; };

static FILE *out;
static uint64_t lo, hi, mark, mlo, mhi;
static struct block *blocks, *previous;
static uint64_t (*moved)[2];

static void dump(unsigned cpu, void *unused)
{
    (void)cpu; (void)unused;
    for (struct block *b = blocks; b; b = b->next) {
        for (size_t i = 0; b->times && i < b->n; i++)
            fprintf(out, "i %llx %llu %llu\n", (unsigned long long)b->pc[i], (unsigned long long)b->times,
                    (unsigned long long)(i + 1 == b->n ? b->taken : 0));
        b->times = b->taken = 0;
    }
    for (uint64_t g = 0; g < (mhi - mlo) / GRANULE; g++)
        if (moved[g][0] || moved[g][1]) {
            fprintf(out, "m %llx %llu %llu\n", (unsigned long long)(mlo + g * GRANULE),
                    (unsigned long long)moved[g][0], (unsigned long long)moved[g][1]);
            moved[g][0] = moved[g][1] = 0;
        }
    fprintf(out, ".\n");
    fflush(out);
    previous = NULL;
}

static void block_runs(unsigned cpu, void *data)
{
    (void)cpu;
    struct block *b = data;
    if (previous && previous->end != b->start) previous->taken++;
    b->times++;
    previous = b;
}

static void memory(unsigned cpu, uint32_t info, uint64_t address, void *unused)
{
    (void)cpu; (void)unused;
    if (address >= mlo && address < mhi)
        moved[(address - mlo) / GRANULE][qemu_plugin_mem_is_store(info)] += 1u << qemu_plugin_mem_size_shift(info);
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
    (void)id;
    uint64_t start = qemu_plugin_tb_vaddr(tb);
    if (start == mark) qemu_plugin_register_vcpu_tb_exec_cb(tb, dump, NO_REGS, NULL);
    if (start < lo || start >= hi) return;
    size_t n = qemu_plugin_tb_n_insns(tb);
    struct block *b = calloc(1, sizeof *b + n * sizeof b->pc[0]);
    b->next = blocks; b->start = start; b->n = n; blocks = b;
    for (size_t i = 0; i < n; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        b->pc[i] = qemu_plugin_insn_vaddr(insn);
        b->end = b->pc[i] + qemu_plugin_insn_size(insn);
        qemu_plugin_register_vcpu_mem_cb(insn, memory, NO_REGS, MEM_RW, NULL);
    }
    qemu_plugin_register_vcpu_tb_exec_cb(tb, block_runs, NO_REGS, b);
}

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

__attribute__((visibility("default"))) int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    (void)info;
    struct { const char *name; uint64_t *value; } number[] = {{"lo=", &lo}, {"hi=", &hi}, {"mark=", &mark}, {"mlo=", &mlo}, {"mhi=", &mhi}};
    for (int i = 0; i < argc; i++) {
        if (!strncmp(argv[i], "out=", 4)) out = fopen(argv[i] + 4, "w");
        for (size_t k = 0; k < sizeof number / sizeof number[0]; k++)
            if (!strncmp(argv[i], number[k].name, strlen(number[k].name)))
                *number[k].value = strtoull(argv[i] + strlen(number[k].name), NULL, 16);
    }
    if (!out || !mark || mhi < mlo) return 1;
    moved = calloc((mhi - mlo) / GRANULE + 1, sizeof *moved);
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return moved ? 0 : 1;
}
