using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Lguest.Jit.Core.Memory;

/// <summary>
/// Address space from the Host: reserved at once, given real memory page by page on first touch. Guest RAM and the
/// page-indexed TLB tables live in it. The one place that talks to the operating system's memory calls.
/// </summary>
/// <remarks>
/// Invariant for everyone who holds such a pointer: the mapping stays until <see cref="Release"/>, reads as zero where
/// never written, and lies above 4 GiB, so (pointer − 32-bit Guest address) is never 0.
/// </remarks>
internal static unsafe partial class HostMemory
{
    private const int ProtReadWrite = 3;
    private const int ProtReadExecute = 5;
    private const int MapPrivate = 0x02;
    private const int MapAnonymousLinux = 0x20;
    private const int MapAnonymousMac = 0x1000;
    private const int MapNoReserveLinux = 0x4000;
    private const int AdviseDontNeed = 4;
    private const int AdviseHugePage = 14;
    private const int AdviseNoHugePage = 15;
    private const ulong HugePage = 2 << 20;

    /// <summary>Reserves zeroed memory, at a multiple of 4 KiB.</summary>
    /// <param name="bytes">How much.</param>
    /// <param name="pages">What it should be made of.</param>
    /// <exception cref="InsufficientMemoryException">The Host refuses.</exception>
    public static byte* Reserve(ulong bytes, HostPages pages)
    {
        byte* memory;
        if (OperatingSystem.IsWindows())
        {
            memory = (byte*)VirtualAlloc(null, (nuint)bytes, 0x3000 /* MEM_RESERVE | MEM_COMMIT */, 4 /* PAGE_READWRITE */);
        }
        else if (OperatingSystem.IsLinux())
        {
            memory = pages == HostPages.Huge ? MapAligned(bytes) : MapAnonymous(bytes);
            if (memory != null && pages != HostPages.Any)
            {
                // Advice: a Host that knows no huge pages, or has none left, does as well.
                _ = Advise(memory, (nuint)bytes, pages == HostPages.Huge ? AdviseHugePage : AdviseNoHugePage);
            }
        }
        else
        {
            memory = MapAnonymous(bytes);
        }

        if (memory == null || (ulong)memory <= uint.MaxValue)
        {
            throw new InsufficientMemoryException($"The Host gave no {bytes >> 20} MiB of address space.");
        }

        return memory;
    }

    private static byte* MapAnonymous(ulong bytes)
    {
        int flags = OperatingSystem.IsMacOS() ? MapPrivate | MapAnonymousMac : MapPrivate | MapAnonymousLinux | MapNoReserveLinux;
        byte* memory = (byte*)Map(null, (nuint)bytes, ProtReadWrite, flags, -1, 0);
        return memory == (byte*)-1 ? null : memory;
    }

    /// <summary>At a multiple of a huge page: older Hosts put mappings anywhere. What is left over on both sides goes back at once.</summary>
    private static byte* MapAligned(ulong bytes)
    {
        byte* memory = MapAnonymous(bytes + HugePage);
        if (memory == null)
        {
            return null;
        }

        var aligned = (byte*)(((ulong)memory + HugePage - 1) & ~(HugePage - 1));
        ulong before = (ulong)(aligned - memory);
        if (before != 0)
        {
            _ = Unmap(memory, (nuint)before);
        }

        _ = Unmap(aligned + bytes, (nuint)(HugePage - before));
        return aligned;
    }

    /// <summary>Gives pages back; they read as zero afterwards.</summary>
    public static void Discard(byte* memory, ulong bytes)
    {
        if (OperatingSystem.IsLinux() && Advise(memory, (nuint)bytes, AdviseDontNeed) == 0)
        {
            return;
        }

        NativeMemory.Clear(memory, (nuint)bytes);
    }

    /// <summary>Turns writable memory into code that can be run and no longer written; false if the Host does not allow it.</summary>
    public static bool TryMakeExecutable(byte* memory, ulong bytes)
    {
        if (OperatingSystem.IsWindows())
        {
            uint before;
            return VirtualProtect(memory, (nuint)bytes, 0x20 /* PAGE_EXECUTE_READ */, &before) != 0;
        }

        return Protect(memory, (nuint)bytes, ProtReadExecute) == 0;
    }

    public static void Release(byte* memory, ulong bytes)
    {
        bool released = OperatingSystem.IsWindows()
            ? VirtualFree(memory, 0, 0x8000 /* MEM_RELEASE */) != 0
            : Unmap(memory, (nuint)bytes) == 0;
        if (!released)
        {
            throw new Win32Exception();
        }
    }

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial void* Map(void* address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int Unmap(void* address, nuint length);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static partial int Protect(void* address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    private static partial int Advise(void* address, nuint length, int advice);

    [LibraryImport("kernel32", SetLastError = true)]
    private static partial void* VirtualAlloc(void* address, nuint size, uint type, uint protect);

    [LibraryImport("kernel32", SetLastError = true)]
    private static partial int VirtualFree(void* address, nuint size, uint type);

    [LibraryImport("kernel32", SetLastError = true)]
    private static partial int VirtualProtect(void* address, nuint size, uint protect, uint* before);
}
