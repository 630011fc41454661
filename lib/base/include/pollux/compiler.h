/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the compiler can be told, spelled once. Everything here works in C11 and C++11, with gcc
 * and clang.
 */
#ifndef POLLUX_COMPILER_H
#define POLLUX_COMPILER_H

#include <pollux/config.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define PLX_BEGIN_DECLS extern "C" {
#define PLX_END_DECLS }
#else
#define PLX_BEGIN_DECLS
#define PLX_END_DECLS
#endif

/* A function or variable of the public API: the library is built with -fvisibility=hidden. */
#define PLX_API __attribute__((visibility("default")))

/*
 * A call of the data path. It is inlined where it is used and, by C99's inline rules, exists once
 * more as an exported function of the same name (the module's .c file says `extern inline`), so
 * that a debugger, a function pointer or another language can have it too.
 */
#define PLX_INLINE PLX_API inline __attribute__((always_inline))

#define plx_likely(x) __builtin_expect(!!(x), 1)
#define plx_unlikely(x) __builtin_expect(!!(x), 0)

/* The out-of-line half of a call whose common half is inlined: rare, or just large. */
#define PLX_COLD __attribute__((cold, noinline))
#define PLX_NOINLINE __attribute__((noinline))

#define PLX_MUST_CHECK __attribute__((warn_unused_result))
#define PLX_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define PLX_ALIGNED(bytes) __attribute__((aligned(bytes)))
#define PLX_CACHE_ALIGNED PLX_ALIGNED(PLX_CACHE_LINE)

/* Defined under ThreadSanitizer, which does not know what vector instructions do. */
#if defined(__SANITIZE_THREAD__)
#define PLX_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PLX_TSAN 1
#endif
#endif

#define PLX_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The struct that holds *ptr as its field `member`. */
#define plx_container_of(ptr, type, member)                                                        \
	((type *)(void *)((char *)(uintptr_t)(ptr)-offsetof(type, member)))

PLX_BEGIN_DECLS

/**
 * Tell the CPU that this is a spin loop: saves power, frees the sibling thread, and leaves the
 * polled line to its writer for some tens of cycles. Any thread.
 */
PLX_INLINE void plx_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb" ::: "memory"); /* `yield` is a nop on most cores */
#else
	__asm__ volatile("" ::: "memory");
#endif
}

/** Fetch the line of @addr for reading (plx_prefetch) or for writing (plx_prefetch_write). */
PLX_INLINE void plx_prefetch(const void *addr)
{
	__builtin_prefetch(addr, 0, 3);
}

PLX_INLINE void plx_prefetch_write(const void *addr)
{
	__builtin_prefetch(addr, 1, 3);
}

PLX_END_DECLS

#endif
