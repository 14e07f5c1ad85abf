/* process.c -- what a plug-in may not do to the process: write variables of its own, change how the processor rounds, export
 * more than its entry.                                                                                            */
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include "checks.h"

static struct { const char *path; unsigned mode; char *at[8]; size_t n[8]; char *copy[8]; int segments; } before;

static unsigned mode_now(void)
{
#if defined(__x86_64__)
    return _mm_getcsr() & 0xffc0u; /* without the sticky flags */
#else
    return 0;
#endif
}

/* Its writable segments but for what the loader has made read-only. */
static int find_segments(struct dl_phdr_info *info, size_t size, void *to)
{
    char real[4096];
    (void)size, (void)to;
#if defined(SANITIZED) /* which puts forbidden bytes between variables, and counters among them */
    return 0;
#endif
    if (!info->dlpi_name[0] || !realpath(info->dlpi_name, real) || strcmp(real, before.path)) return 0;
    size_t relro = 0, relro_n = 0;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_GNU_RELRO) relro = info->dlpi_phdr[i].p_vaddr, relro_n = info->dlpi_phdr[i].p_memsz;
    for (int i = 0; i < info->dlpi_phnum && before.segments < 8; i++) {
        const ElfW(Phdr) *h = &info->dlpi_phdr[i];
        if (h->p_type != PT_LOAD || !(h->p_flags & PF_W)) continue;
        size_t from = h->p_vaddr, n = h->p_memsz;
        if (relro >= from && relro < from + n) n -= relro + relro_n - from, from = relro + relro_n;
        before.at[before.segments] = (char *)info->dlpi_addr + from, before.n[before.segments++] = n;
    }
    return 1;
}

void process_before(const char *path)
{
    char real[4096];
    memset(&before, 0, sizeof before);
    before.path = strdup(realpath(path, real) ? real : path);
    before.mode = mode_now();
    dl_iterate_phdr(find_segments, NULL);
    for (int i = 0; i < before.segments; i++) {
        before.copy[i] = malloc(before.n[i] + 1);
        memcpy(before.copy[i], before.at[i], before.n[i]);
    }
}

const char *process_after(void)
{
    if (mode_now() != before.mode) return "changed how the processor rounds or treats small numbers (MXCSR)";
    for (int i = 0; i < before.segments; i++)
        if (memcmp(before.copy[i], before.at[i], before.n[i]))
            return "wrote a global or static variable; what a part keeps belongs into self";
    return NULL;
}

/* ---- the dynamic symbol table -------------------------------------------------------------------------------------------- */
static const char *read_symbols(const char *p, size_t size)
{
    static char list[300];
    const ElfW(Ehdr) *e = (const void *)p;
    list[0] = 0;
    if (size < sizeof *e || e->e_shoff + (size_t)e->e_shnum * sizeof(ElfW(Shdr)) > size) return NULL;
    const ElfW(Shdr) *section = (const void *)(p + e->e_shoff);
    for (int i = 0; i < e->e_shnum; i++) {
        if (section[i].sh_type != SHT_DYNSYM || section[i].sh_link >= e->e_shnum) continue;
        const char *names = p + section[section[i].sh_link].sh_offset;
        const ElfW(Sym) *s = (const void *)(p + section[i].sh_offset);
        for (size_t k = 0; k < section[i].sh_size / sizeof *s; k++) {
            int bind = ELF64_ST_BIND(s[k].st_info), type = ELF64_ST_TYPE(s[k].st_info);
            if (s[k].st_shndx == SHN_UNDEF || bind == STB_LOCAL || s[k].st_shndx == SHN_ABS || type == STT_SECTION) continue;
            const char *name = names + s[k].st_name;
            if (!strcmp(name, "tn_plugin_entry") || name[0] == '_') continue; /* sanitizers and the linker have their own */
            snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", list[0] ? ", " : "", name);
        }
    }
    return list[0] ? list : NULL;
}

const char *exported_symbols(const char *path)
{
    struct stat st;
    const char *list = NULL;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &st) || !st.st_size) return NULL;
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p != MAP_FAILED) {
        list = read_symbols(p, (size_t)st.st_size);
        munmap(p, (size_t)st.st_size);
    }
    close(fd);
    return list;
}
