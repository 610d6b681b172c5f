/* Cycles of the core: the debug unit's counter on Cortex-M, the PMU's through Linux on Cortex-A, mcycle on RISC-V. */
#ifndef TP_PROBE_CYCLES_H
#define TP_PROBE_CYCLES_H

#include <stdint.h>

#if defined(__ARM_ARCH_7EM__)

static int tp_cycles_start(void)
{
    *(volatile uint32_t *)0xe000edfcu |= 1u << 24; /* DEMCR: trace on */
    *(volatile uint32_t *)0xe0001fb0u = 0xc5acce55u; /* DWT unlocked, which the M7 needs */
    *(volatile uint32_t *)0xe0001004u = 0;
    *(volatile uint32_t *)0xe0001000u |= 1u; /* CYCCNT counts */
    return 0;
}

static uint64_t tp_cycles(void)
{
    __asm__ volatile("dsb\n isb" ::: "memory");
    return *(volatile uint32_t *)0xe0001004u; /* wraps every 2^32 cycles: differences are taken modulo 2^32 */
}
#define TP_CYCLES_MASK 0xffffffffu

#elif defined(__linux__)

#include <linux/perf_event.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int tp_counter = -1;

static int tp_cycles_start(void)
{
    struct perf_event_attr want;
    memset(&want, 0, sizeof want);
    want.size = sizeof want;
    want.type = PERF_TYPE_HARDWARE;
    want.config = PERF_COUNT_HW_CPU_CYCLES;
    want.exclude_kernel = 1;
    tp_counter = (int)syscall(SYS_perf_event_open, &want, 0, -1, -1, 0);
    return tp_counter < 0;
}

static uint64_t tp_cycles(void)
{
    uint64_t count = 0;
    if (read(tp_counter, &count, sizeof count) != (long)sizeof count) count = 0;
    return count;
}
#define TP_CYCLES_MASK UINT64_MAX

#elif defined(__riscv)

static int tp_cycles_start(void) { return 0; }

static uint64_t tp_cycles(void)
{
    uint32_t low;
    __asm__ volatile("csrr %0, mcycle" : "=r"(low)::"memory");
    return low;
}
#define TP_CYCLES_MASK 0xffffffffu

#else
#error "no cycle counter is known for this core"
#endif

#endif
